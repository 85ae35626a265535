package history

import "testing"

func TestTokenNamesItsUser(t *testing.T) {
	for _, test := range []struct {
		token string
		user  int
		ok    bool
	}{
		{Token("r1", 17, 2, 33), 17, true},
		{Token("", 0, 0, 0), 0, true},
		{Token("a-b", 5, 1, 1), 5, true},
		{"u17", 0, false},
		{"u-1-2", 0, false},
		{"u+1-2-3", 0, false},
		{"milk-1", 0, false},
		{"ux-1", 0, false},
		{"", 0, false},
	} {
		user, ok := TokenUser(test.token)
		if user != test.user || ok != test.ok {
			t.Errorf("TokenUser(%q) = %d, %v, want %d, %v", test.token, user, ok, test.user, test.ok)
		}
	}
	if got, want := Token("r1", 17, 2, 33), "u17-2-33-r1"; got != want {
		t.Errorf("Token = %q, want %q", got, want)
	}
}

func TestNames(t *testing.T) {
	for kind, want := range map[Kind]string{Login: "login", Slow: "slow", Kind(99): "kind(99)"} {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d) = %q, want %q", kind, got, want)
		}
	}
	for outcome, want := range map[Outcome]string{OK: "ok", Unknown: "unknown", Outcome(9): "outcome(9)"} {
		if got := outcome.String(); got != want {
			t.Errorf("Outcome(%d) = %q, want %q", outcome, got, want)
		}
	}
	if got := UserName(17); got != "u17" {
		t.Errorf("UserName(17) = %q", got)
	}
}
