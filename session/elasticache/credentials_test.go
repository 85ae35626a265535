package elasticache_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/session/elasticache"
)

const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// emptySHA256 is `sha256sum < /dev/null`.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keys is a Provider of these IAM credentials.
type keys aws.Credentials

func (k keys) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(k), nil }

func options() elasticache.Options {
	return elasticache.Options{
		Region: "eu-central-1", Cluster: "Sessions-01", User: "shop",
		Provider: keys{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret},
	}
}

func token(t *testing.T, opt elasticache.Options) string {
	t.Helper()
	sign, err := elasticache.CredentialsAt(opt, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	user, password, refresh, err := sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if user != opt.User {
		t.Errorf("user %q, want %q", user, opt.User)
	}
	if want := at.Add(11 * time.Hour); !refresh.Equal(want) {
		t.Errorf("refresh after %v, want %v", refresh, want)
	}
	return password
}

func TestTokenIsTheSignedRequestWithoutItsScheme(t *testing.T) {
	got := token(t, options())
	want := "sessions-01/?Action=connect&User=shop" +
		"&X-Amz-Algorithm=AWS4-HMAC-SHA256" +
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260301%2Feu-central-1%2Felasticache%2Faws4_request" +
		"&X-Amz-Date=20260301T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aa5eef776fb74ec9edb0412ea4c5006a65867f5b3fbfc319d6fa674d851aed0b"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSignaturesAgreeWithTheAlgorithm(t *testing.T) {
	change := map[string]func(*elasticache.Options){
		"plain":      func(*elasticache.Options) {},
		"serverless": func(o *elasticache.Options) { o.Service = elasticache.Serverless },
		"memorydb":   func(o *elasticache.Options) { o.Service = elasticache.MemoryDB },
		"session token": func(o *elasticache.Options) {
			o.Provider = keys{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: secret, SessionToken: "IQoJb3JpZ2lu+/=="}
		},
		"a user that needs escapes": func(o *elasticache.Options) { o.User = "a b+c/ü~" },
		"another region":            func(o *elasticache.Options) { o.Region = "us-gov-west-1" },
	}
	seen := map[string]string{}
	for what, f := range change {
		opt := options()
		f(&opt)
		got := token(t, opt)
		head, signed, ok := strings.Cut(got, "&X-Amz-Signature=")
		host, raw, ok2 := strings.Cut(head, "/?")
		if !ok || !ok2 {
			t.Errorf("%s: %s is no signed request", what, got)
			continue
		}
		if host != "sessions-01" {
			t.Errorf("%s: host %q, want the cluster's name in lower case", what, host)
		}
		if want := signature(t, secret, host, "/", raw, emptySHA256); signed != want {
			t.Errorf("%s: signature %s, want %s", what, signed, want)
		}
		if other, ok := seen[signed]; ok {
			t.Errorf("%s and %s have one signature", what, other)
		}
		seen[signed] = what
		checkQuery(t, what, opt, raw)
	}
}

func checkQuery(t *testing.T, what string, opt elasticache.Options, raw string) {
	t.Helper()
	q, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := opt.Provider.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service := map[elasticache.Service]string{elasticache.MemoryDB: "memorydb"}[opt.Service]
	if service == "" {
		service = "elasticache"
	}
	want := url.Values{
		"Action": {"connect"}, "User": {opt.User}, "X-Amz-Expires": {"900"}, "X-Amz-Date": {"20260301T120000Z"},
		"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-SignedHeaders": {"host"},
		"X-Amz-Credential": {fmt.Sprintf("%s/20260301/%s/%s/aws4_request", creds.AccessKeyID, opt.Region, service)},
	}
	if opt.Service == elasticache.Serverless {
		want.Set("ResourceType", "ServerlessCache")
	}
	if creds.SessionToken != "" {
		want.Set("X-Amz-Security-Token", creds.SessionToken)
	}
	if q.Encode() != want.Encode() {
		t.Errorf("%s: query\n%s\nwant\n%s", what, q.Encode(), want.Encode())
	}
}

func TestEachCallSignsAnew(t *testing.T) {
	now := at
	sign, err := elasticache.CredentialsAt(options(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	_, first, _, err := sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	_, second, refresh, err := sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first == second || !strings.Contains(second, "X-Amz-Date=20260301T120001Z") || !refresh.Equal(now.Add(11*time.Hour)) {
		t.Errorf("a second later: %s, refresh after %v", second, refresh)
	}
}

func TestOptionsThatAreMissingAreNamed(t *testing.T) {
	for field, change := range map[string]func(*elasticache.Options){
		"Region":   func(o *elasticache.Options) { o.Region = "" },
		"Cluster":  func(o *elasticache.Options) { o.Cluster = "" },
		"Cluster ": func(o *elasticache.Options) { o.Cluster = "sessions-01.abc123.euc1.cache.amazonaws.com" },
		"User":     func(o *elasticache.Options) { o.User = "" },
		"Provider": func(o *elasticache.Options) { o.Provider = nil },
		"Service":  func(o *elasticache.Options) { o.Service = elasticache.MemoryDB + 1 },
	} {
		opt := options()
		change(&opt)
		if _, err := elasticache.Credentials(opt); err == nil || !strings.Contains(err.Error(), "Options."+strings.TrimSpace(field)+" is") {
			t.Errorf("%s: got %v", field, err)
		}
	}
	_, err := elasticache.Credentials(elasticache.Options{})
	for _, field := range []string{"Region", "Cluster", "User", "Provider"} {
		if err == nil || !strings.Contains(err.Error(), "Options."+field) {
			t.Errorf("nothing given: got %v, want also %s", err, field)
		}
	}
}

var errProvider = errors.New("no role is attached")

// broken is a Provider that gives both or one of credentials and an error.
type broken struct {
	aws.Credentials
	err error
}

func (b broken) Retrieve(context.Context) (aws.Credentials, error) { return b.Credentials, b.err }

func TestErrorsOfTheProvider(t *testing.T) {
	whole := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret, SessionToken: "token-of-the-session"}
	ended := whole
	ended.CanExpire, ended.Expires = true, at
	half := whole
	half.AccessKeyID = ""
	for what, p := range map[string]broken{
		"fails": {whole, errProvider},
		"ended": {ended, nil},
		"half":  {half, nil},
	} {
		opt := options()
		opt.Provider = p
		sign, err := elasticache.CredentialsAt(opt, func() time.Time { return at })
		if err != nil {
			t.Fatal(err)
		}
		user, password, refresh, err := sign(t.Context())
		if err == nil || user != "" || password != "" || !refresh.IsZero() {
			t.Errorf("%s: got user %q, a password of %d bytes, refresh %v, error %v", what, user, len(password), refresh, err)
			continue
		}
		if p.err != nil && !errors.Is(err, p.err) {
			t.Errorf("%s: %v does not wrap the provider's error", what, err)
		}
		for _, s := range []string{secret, whole.SessionToken, whole.AccessKeyID} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v holds a secret", what, err)
			}
		}
	}
	// Control: what ends a second later is used.
	ended.Expires = at.Add(time.Second)
	opt := options()
	opt.Provider = broken{ended, nil}
	if token(t, opt) == "" {
		t.Error("credentials that have not ended make no token")
	}
}

func ExampleCredentials() {
	credentials, err := elasticache.Credentials(elasticache.Options{
		Region: "eu-central-1", Cluster: "sessions", User: "shop",
		Provider: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "…"}, nil
		}),
	})
	if err != nil {
		panic(err)
	}
	user, password, refreshAfter, err := credentials(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(user, password[:len("sessions/?Action=connect&User=shop")], time.Until(refreshAfter).Round(time.Hour))
	// Output:
	// shop sessions/?Action=connect&User=shop 11h0m0s
}
