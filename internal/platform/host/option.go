package host

import (
	"log/slog"
	"strconv"
	"time"
)

// Notice says that the platform is about to take the machine away.
type Notice struct {
	Reason string    // "spot interruption: terminate", "auto scaling: Terminated"
	At     time.Time // when; zero is unknown
}

// Enabled reads a switch from the environment: empty is off, anything but a
// boolean is off and logged.
func Enabled(env func(string) string, name string, log *slog.Logger) bool {
	v := env(name)
	if v == "" {
		return false
	}
	on, err := strconv.ParseBool(v)
	if err != nil {
		log.Warn("a variable is neither true nor false: taken as false", "variable", name, "value", Line(v))
	}
	return on
}
