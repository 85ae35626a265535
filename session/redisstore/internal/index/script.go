package index

import (
	"context"
	_ "embed" // of the scripts
	"fmt"
	"strconv"

	"github.com/redis/rueidis"
)

//go:embed entry.lua
var sharedSource string

//go:embed register.lua
var registerSource string

//go:embed unregister.lua
var unregisterSource string

//go:embed raise.lua
var raiseSource string

//go:embed restore.lua
var restoreSource string

//go:embed settle.lua
var settleSource string

// scripts have the index and the epoch as their keys.
type scripts struct {
	register, unregister, raise, restore, settle *rueidis.Lua
}

func newScripts() scripts {
	load := func(source string) *rueidis.Lua { return rueidis.NewLuaScript(sharedSource + source) }
	return scripts{
		register: load(registerSource), unregister: load(unregisterSource),
		raise: load(raiseSource), restore: load(restoreSource), settle: load(settleSource),
	}
}

// status begins the reply of every script but settle.
type status string

const (
	statusOK      status = "ok"
	statusLost    status = "lost"    // there is an index, but no epoch
	statusFormat  status = "format"  // something is of a form that the script does not know
	statusLate    status = "late"    // for the deadline
	statusGone    status = "gone"    // the session is doomed
	statusOver    status = "over"    // the bound: the entries are to be examined first
	statusCrowded status = "crowded" // the same, and there are more entries than a script reads
	statusMany    status = "many"    // refused by the bound
)

// reply is what follows the status.
type reply []rueidis.RedisMessage

// run runs a script. Its reply to statusFormat is an error.
func (ix *Index) run(ctx context.Context, script *rueidis.Lua, principal string, args ...string) (status, reply, error) {
	var list []rueidis.RedisMessage
	err := ix.call(ctx, script, principal, args, func(res rueidis.RedisResult) (err error) {
		list, err = res.ToArray()
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if len(list) == 0 {
		return "", nil, fmt.Errorf("index: empty reply of a script")
	}
	s, err := list[0].ToString()
	if err != nil {
		return "", nil, fmt.Errorf("index: reply of a script: %w", err)
	}
	if status(s) == statusFormat {
		return "", nil, errUnknownForm
	}
	return status(s), list[1:], nil
}

func (ix *Index) call(ctx context.Context, script *rueidis.Lua, principal string, args []string, read func(rueidis.RedisResult) error) error {
	index, epoch := Keys(ix.opt.Prefix, principal)
	return ix.caller.Call(ctx, index, func(ctx context.Context, c rueidis.Client) error {
		return read(script.Exec(ctx, c, []string{index, epoch}, args))
	})
}

// text, number, epoch and entries read the i-th part of a reply.
func (r reply) text(i int) (string, error) {
	if i >= len(r) {
		return "", fmt.Errorf("index: reply of a script has %d parts", len(r))
	}
	return r[i].ToString()
}

func (r reply) number(i int) (int64, error) {
	s, err := r.text(i)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

func (r reply) epoch(i int) (Epoch, error) {
	s, err := r.text(i)
	if err != nil {
		return Epoch{}, err
	}
	return ParseEpoch(s)
}

func (r reply) entries(i int) ([]entry, error) {
	if i >= len(r) {
		return nil, fmt.Errorf("index: reply of a script has %d parts", len(r))
	}
	flat, err := r[i].AsStrSlice()
	if err != nil {
		return nil, err
	}
	return decodeEntries(flat)
}

// clock is the argument that stands for the time.
func (ix *Index) clock() string {
	if ix.opt.Now == nil {
		return "0"
	}
	return strconv.FormatInt(ix.opt.Now().UnixMilli(), 10)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
