package elasticache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// How long what is made here is good for.
const (
	tokenLife  = 15 * time.Minute // fixed by the servers
	refreshing = 11 * time.Hour   // they close a connection after 12
)

// emptyHash is the SHA-256 of the empty body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Service is what the cluster is one of.
type Service uint8

// The services.
const (
	ElastiCache Service = iota // with nodes of your own: a replication group
	Serverless                 // an ElastiCache serverless cache
	MemoryDB
)

// Options say whose password it is. All but Service are required.
type Options struct {
	Region string // such as "eu-central-1"
	// Cluster is the ID of the replication group, the name of the serverless
	// cache or the name of the MemoryDB cluster. It is not a host name. The
	// services keep it in lower case, and so does this package.
	Cluster string
	// User is the name of the user with IAM authentication. In ElastiCache it
	// must be the user's ID as well.
	User string
	// Provider is asked for IAM credentials at each call. Those of the SDK's
	// config package keep them until they end; wrap others that are slow in
	// aws.NewCredentialsCache.
	Provider aws.CredentialsProvider
	Service  Service // the zero value is ElastiCache
}

// name is what a cluster can be called.
var name = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func (o Options) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("elasticache: Options."+format, args...))
	}
	if o.Region == "" {
		bad(`Region is missing: give it the cluster's region, such as "eu-central-1"`)
	}
	if !name.MatchString(o.Cluster) {
		bad("Cluster is %q: give it the name of the cluster, not its address", o.Cluster)
	}
	if o.User == "" {
		bad("User is missing: give it the name of the user with IAM authentication")
	}
	if o.Provider == nil {
		bad("Provider is missing: give it aws.Config.Credentials")
	}
	if o.Service > MemoryDB {
		bad("Service is %d, which is none of this package's", o.Service)
	}
	return errors.Join(errs...)
}

// Credentials returns a function that makes a user's name and password for one
// connection, and says when the connection needs another password. The
// function is safe for concurrent use if the Provider is, as all of the SDK's
// are. ctx bounds the Provider.
func Credentials(opt Options) (func(ctx context.Context) (user, password string, refreshAfter time.Time, err error), error) {
	return credentials(opt, time.Now)
}

func credentials(opt Options, now func() time.Time) (func(context.Context) (string, string, time.Time, error), error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	signer := v4.NewSigner()
	return func(ctx context.Context) (string, string, time.Time, error) {
		keys, err := opt.Provider.Retrieve(ctx)
		at := now()
		switch {
		case err != nil:
			return "", "", time.Time{}, fmt.Errorf("elasticache: get IAM credentials: %w", err)
		case !keys.HasKeys():
			return "", "", time.Time{}, errors.New("elasticache: Options.Provider gave IAM credentials without keys")
		case keys.CanExpire && !keys.Expires.After(at):
			return "", "", time.Time{}, fmt.Errorf("elasticache: Options.Provider gave IAM credentials that ended at %s", keys.Expires.UTC().Format(time.RFC3339))
		}
		r, err := opt.request(ctx)
		if err != nil {
			return "", "", time.Time{}, fmt.Errorf("elasticache: make the request: %w", err)
		}
		signed, _, err := signer.PresignHTTP(ctx, keys, r, emptyHash, opt.signingName(), opt.Region, at)
		if err != nil {
			return "", "", time.Time{}, fmt.Errorf("elasticache: sign: %w", err)
		}
		return opt.User, strings.TrimPrefix(signed, scheme), at.Add(refreshing), nil
	}, nil
}

// scheme is needed to sign the request and is no part of the password.
const scheme = "http://"

// request is the one that is signed and never sent.
func (o Options) request(ctx context.Context) (*http.Request, error) {
	q := url.Values{
		"Action":        {"connect"},
		"User":          {o.User},
		"X-Amz-Expires": {strconv.Itoa(int(tokenLife / time.Second))},
	}
	if o.Service == Serverless {
		q.Set("ResourceType", "ServerlessCache")
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, scheme+strings.ToLower(o.Cluster)+"/?"+q.Encode(), nil)
}

func (o Options) signingName() string {
	if o.Service == MemoryDB {
		return "memorydb"
	}
	return "elasticache"
}
