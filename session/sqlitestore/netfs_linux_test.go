package sqlitestore

import (
	"strings"
	"testing"
)

func TestLocalFolderIsNoNetwork(t *testing.T) {
	if name, network, err := networkFilesystem("/proc"); err != nil || network {
		t.Errorf("/proc: %q, %v, %v", name, network, err)
	}
}

func TestMountTypes(t *testing.T) {
	const mounts = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:51 / /mnt/far rw,nosuid shared:2 master:3 - fuse.sshfs me@far:/home rw
41 22 0:52 / /mnt/near rw - fuse.fuse-overlayfs overlay rw
42 22 7:300 / /mnt/usb rw - fuseblk /dev/sdb1 rw
broken
`
	for device, want := range map[string]struct {
		name    string
		network bool
	}{
		"0:51":  {"fuse.sshfs", true},
		"0:52":  {"fuse.fuse-overlayfs", false},
		"7:300": {"fuseblk", false},
		"0:99":  {"fuse", true}, // not in the table
	} {
		name, err := typeOfDevice(strings.NewReader(mounts), device)
		if err != nil || name != want.name || localFUSE[name] == want.network {
			t.Errorf("%s: got %q, %v, want %+v", device, name, err, want)
		}
	}
}

func TestDeviceNumbers(t *testing.T) {
	for dev, want := range map[uint64]string{
		0x801:          "8:1",
		0x33:           "0:51",
		0x10072c:       "7:300", // minor beyond 8 bits
		0x100000000105: "4097:5",
	} {
		if got := device(dev); got != want {
			t.Errorf("%#x: got %s, want %s", dev, got, want)
		}
	}
}

func TestNetworkMagicNumbers(t *testing.T) {
	for magic, want := range map[uint32]string{0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x01021997: "9p"} {
		if networkMagic[magic] != want {
			t.Errorf("%#x is %q, want %s", magic, networkMagic[magic], want)
		}
	}
	for name, magic := range map[string]uint32{"ext4": 0xef53, "xfs": 0x58465342, "btrfs": 0x9123683e, "tmpfs": 0x01021994, "overlay": 0x794c7630, "zfs": 0x2fc12fc1} {
		if found, ok := networkMagic[magic]; ok {
			t.Errorf("%s is taken for %s", name, found)
		}
	}
}
