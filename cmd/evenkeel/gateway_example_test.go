package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const gatewayExample = "../../examples/gateway/"

func TestGatewayExampleIsValid(t *testing.T) {
	v, err := validate(gatewayExample + "evenkeel.yaml")
	if err != nil || len(v.Groups) != 1 || v.Groups[0].Targets != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	b, err := os.ReadFile(gatewayExample + "evenkeel.yaml")
	if n := strings.Count(string(b), "\n"); err != nil || n != 10 {
		t.Errorf("%d lines, %v", n, err)
	}
	broken := filepath.Join(t.TempDir(), "evenkeel.yaml")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(b), "60s", "60", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := validate(broken); err == nil || v.Valid || len(v.Errors) != 1 || v.Errors[0].Line != 9 {
		t.Errorf("control: %+v, %v", v, err)
	}
}

// unit reads a unit file: the last value of each key.
func unit(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(gatewayExample + name)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("%s: %q is no setting", name, line)
		}
		out[key] = value
	}
	return out
}

// The command line of the unit is one that the command takes, and systemd
// waits for as long as it may need.
func TestGatewayUnits(t *testing.T) {
	service, socket := unit(t, "evenkeel-gateway.service"), unit(t, "evenkeel-gateway.socket")
	args := strings.Fields(service["ExecStart"])
	cmd, rest, err := newRoot().Find(args[1:])
	if err != nil || cmd.Name() != "gateway" {
		t.Fatalf("%s: %v", service["ExecStart"], err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	need := time.Duration(0)
	for _, name := range []string{"withdraw", "linger", "shutdown-timeout"} {
		d, err := cmd.Flags().GetDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		need += d
	}
	stop, err := strconv.Atoi(service["TimeoutStopSec"])
	if err != nil || time.Duration(stop)*time.Second < need+2*time.Second {
		t.Errorf("TimeoutStopSec=%s, needed are %v: %v", service["TimeoutStopSec"], need, err)
	}
	if service["Type"] != "notify" || socket["FileDescriptorName"] != trafficSocket {
		t.Errorf("Type=%s, FileDescriptorName=%s", service["Type"], socket["FileDescriptorName"])
	}
}
