package main

import (
	"net/http"
	"time"
)

// faults are all that can be wrong, by name.
var faults = map[string]fault{
	"none": {},

	// Where sessions live.
	"memory":        {sessions: func(string, shared) sessions { return shared{newStore()} }},
	"key-per-start": {sessions: signedWithOwnKey},

	// How a session is written.
	"blob":            {sessions: func(_ string, s shared) sessions { return blob{shared: s} }},
	"blob-on-reads":   {sessions: func(_ string, s shared) sessions { return blob{shared: s, reads: true} }},
	"late-save":       {sessions: func(_ string, s shared) sessions { return lateSave{s} }},
	"write-behind":    {sessions: newWriteBehind},
	"append-revives":  {sessions: func(_ string, s shared) sessions { return revives{s} }},
	"lost-increments": {sessions: func(_ string, s shared) sessions { return lostIncrements{s} }},
	"ticket-blocks":   {sessions: newTicketBlocks},
	"applied-twice":   {sessions: func(_ string, s shared) sessions { return &appliedTwice{shared: s} }},
	"counted-twice":   {sessions: func(_ string, s shared) sessions { return countedTwice{s} }},
	"rolled-back":     {sessions: func(_ string, s shared) sessions { return &rolledBack{shared: s} }},
	"capped-list":     {sessions: func(_ string, s shared) sessions { return cappedList{s} }},

	// How it is read.
	"replica-reads":  {sessions: func(_ string, s shared) sessions { return replicaReads{s} }},
	"replicas-apart": {sessions: func(_ string, s shared) sessions { return &replicasApart{shared: s} }},
	"instance-cache": {sessions: newCache},
	"failover":       {}, // the store's: the event is what is wrong

	// How it begins, is renewed and ends.
	"late-sign-in":           {sessions: func(_ string, s shared) sessions { return lateSignIn{s} }},
	"expires-early":          {sessions: func(_ string, s shared) sessions { return expiresEarly{s} }},
	"fixation":               {sessions: func(_ string, s shared) sessions { return fixation{s} }},
	"old-id-kept":            {sessions: func(_ string, s shared) sessions { return oldIDKept{s} }},
	"renewal-same-id":        {sessions: func(_ string, s shared) sessions { return sameID{s} }},
	"renewal-gap":            {sessions: func(_ string, s shared) sessions { return renewalGap{s} }},
	"renewal-drops-key":      {sessions: func(_ string, s shared) sessions { return dropsKey{s} }},
	"renewal-copies":         {sessions: func(_ string, s shared) sessions { return renewalCopies{s} }},
	"logout-clears-cookie":   {sessions: func(_ string, s shared) sessions { return clearsCookie{s} }},
	"logout-drops-newest-id": {sessions: func(_ string, s shared) sessions { return dropsNewest{s} }},
	"logout-late":            {sessions: func(_ string, s shared) sessions { return logoutLate{s} }},

	"expires-never":      {}, // the store's, which is given no timeout
	"streams-keep-alive": {sessions: func(_ string, s shared) sessions { return streamsKeepAlive{s} }},

	// What stands before the application.
	"shared-page-cache":   {web: sharedPageCache},
	"foreign-token":       {sessions: newForeignToken},
	"same-cookie":         {sessions: newSameCookie},
	"cookie-overwritten":  {web: cookieOverwritten},
	"page-cache-by-login": {web: pageCacheByLogin},
	"errors-under-load":   {web: everySo(60, unavailable)},
	"truncated":           {web: everySo(40, truncated)},
	"reset":               {web: everySo(60, reset)},

	// What a stream does when it is resumed.
	"stream-skips":    {web: resumedAt(func(last int) int { return last + 3 })},
	"stream-repeats":  {web: resumedAt(func(last int) int { return max(0, last-3) })},
	"stream-restarts": {web: resumedAt(func(int) int { return 0 })},
	"stream-refused":  {web: streamRefused},

	// How an instance leaves.
	"killed":      {grace: -1},
	"drain-short": {grace: 50 * time.Millisecond},
}

// everySo has each n-th request answered by f, which may ask the application.
func everySo(n int64, f func(http.ResponseWriter, *http.Request, http.Handler)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var turn counter
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if turn.each(n) {
				f(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
