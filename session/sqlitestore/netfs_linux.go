package sqlitestore

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// networkMagic are the statfs types of file systems whose locks or shared
// mappings span, or fail to span, several machines. From linux/magic.h and,
// for those outside it, the file systems' own sources.
var networkMagic = map[uint32]string{
	0x00006969: "nfs",
	0x0000517b: "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb2",
	0x01021997: "9p",
	0x00c36400: "ceph",
	0x5346414f: "afs",
	0x6b414653: "kafs",
	0x73757245: "coda",
	0x0000564c: "ncp",
	0x0bd00bd0: "lustre",
	0x01161970: "gfs2",
	0x7461636f: "ocfs2",
	0x47504653: "gpfs",
	0x19830326: "beegfs",
}

const fuseMagic = 0x65735546

// localFUSE are FUSE file systems that keep their data on this machine.
var localFUSE = map[string]bool{
	"fuseblk":             true, // ntfs-3g, exfat: only on block devices
	"fuse.fuse-overlayfs": true, // rootless containers
	"fuse.ntfs-3g":        true,
	"fuse.encfs":          true,
	"fuse.gocryptfs":      true,
}

// networkFilesystem names the file system of a folder and reports whether
// SQLite's locks cannot be trusted on it. statfs does not tell FUSE file
// systems apart, so their names come from the mount table.
func networkFilesystem(dir string) (name string, network bool, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "", false, os.NewSyscallError("statfs", err)
	}
	if magic := uint32(st.Type); magic != fuseMagic {
		name, network := networkMagic[magic]
		return name, network, nil
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", false, err
	}
	defer mounts.Close()
	name, err = mountType(mounts, dir)
	return name, !localFUSE[name], err
}

// mountType finds the type of the mount that holds dir, by its device. The
// format is that of proc(5): "ID parent major:minor root point options
// [optional fields] - type source options".
func mountType(mounts io.Reader, dir string) (string, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return "", os.NewSyscallError("stat", err)
	}
	return typeOfDevice(mounts, device(uint64(st.Dev)))
}

// device is a device number as the mount table writes it: the kernel's
// encoding has 12 bits of major from bit 8 and the minor around them.
func device(dev uint64) string {
	major := dev>>8&0xfff | dev>>32&^0xfff
	minor := dev&0xff | dev>>12&^0xff
	return fmt.Sprintf("%d:%d", uint32(major), uint32(minor))
}

func typeOfDevice(mounts io.Reader, device string) (string, error) {
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		mount, fsType, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if ok && len(fields) > 2 && fields[2] == device {
			name, _, _ := strings.Cut(fsType, " ")
			return name, nil
		}
	}
	// A mount that the table does not show is not known to be local.
	return "fuse", lines.Err()
}
