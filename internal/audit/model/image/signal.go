package image

import "strings"

// signalNumbers are Linux's, as images write them.
var signalNumbers = map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}

// Signal is QUIT for SIGQUIT, quit and 3.
func Signal(text string) string {
	if name, ok := signalNumbers[text]; ok {
		return name
	}
	return strings.TrimPrefix(strings.ToUpper(text), "SIG")
}

// Graceful are the signals by which servers finish their requests, by their
// image's name.
var Graceful = map[string]string{
	"nginx": "SIGQUIT", "nginx-unprivileged": "SIGQUIT", "openresty": "SIGQUIT", "haproxy": "SIGUSR1", "httpd": "SIGWINCH", "php-fpm": "SIGQUIT", "php": "SIGQUIT",
}
