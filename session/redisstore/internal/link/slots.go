package link

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// slotCount is the number of slots that a Cluster deals to its masters.
const slotCount = 16384

// slotOf is the slot of a key: CRC16 of it, or of what is between its first {
// and the } after it, if that is not empty. So the Cluster specification.
func slotOf(key string) uint16 {
	if _, after, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(after, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^key[i]]
	}
	return crc % slotCount
}

// crcTable is that of CRC-16/XMODEM: polynomial 0x1021, nothing reflected.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()

// slotRange are neighbouring slots of one master.
type slotRange struct {
	from, to uint16
	master   string
}

// slotMap is which master has which slots, sorted. It is never changed.
type slotMap []slotRange

// master of a slot, "" if it has none.
func (m slotMap) master(slot uint16) string {
	i, ok := slices.BinarySearchFunc(m, slot, func(r slotRange, s uint16) int {
		switch {
		case r.to < s:
			return -1
		case r.from > s:
			return 1
		}
		return 0
	})
	if !ok {
		return ""
	}
	return m[i].master
}

// masters lists each once.
func (m slotMap) masters() []string {
	var list []string
	for _, r := range m {
		if !slices.Contains(list, r.master) {
			list = append(list, r.master)
		}
	}
	return list
}

var (
	errNoSlots     = errors.New("it knows no master of any slot")
	errNoMaster    = errors.New("no master has the slot of this key")
	errUnknownNode = errors.New("there is no connection to this node yet")
)

// parseSlots reads the answer of CLUSTER SLOTS. A node that does not know its
// own name is the one that was asked.
func parseSlots(asked string, answer rueidis.RedisResult) (slotMap, error) {
	ranges, err := answer.ToArray()
	if err != nil {
		return nil, err
	}
	askedHost, _, _ := net.SplitHostPort(asked) // it was dialled
	var m slotMap
	for _, r := range ranges {
		if s, ok := parseRange(askedHost, r); ok {
			m = append(m, s)
		}
	}
	if len(m) == 0 {
		return nil, errNoSlots
	}
	slices.SortFunc(m, func(a, b slotRange) int { return cmp.Compare(a.from, b.from) })
	return m, nil
}

// parseRange reads [from, to, [host, port, …], replicas…].
func parseRange(askedHost string, v rueidis.RedisMessage) (r slotRange, ok bool) {
	fields, err := v.ToArray()
	if err != nil || len(fields) < 3 {
		return r, false
	}
	from, err1 := fields[0].AsInt64()
	to, err2 := fields[1].AsInt64()
	master, err3 := fields[2].ToArray()
	if errors.Join(err1, err2, err3) != nil || len(master) < 2 || from < 0 || to < from || to >= slotCount {
		return r, false
	}
	host, _ := master[0].ToString() // nil is the one that was asked
	port, err := master[1].AsInt64()
	if err != nil || host == "?" {
		return r, false
	}
	if host == "" {
		host = askedHost
	}
	return slotRange{uint16(from), uint16(to), net.JoinHostPort(host, strconv.FormatInt(port, 10))}, true
}
