// Package elasticache makes passwords for Amazon ElastiCache and Amazon
// MemoryDB from IAM credentials, so that a service needs no password of its own.
//
//	cfg, err := config.LoadDefaultConfig(ctx) // of github.com/aws/aws-sdk-go-v2/config
//	sign, err := elasticache.Credentials(elasticache.Options{
//		Region: "eu-central-1", Cluster: "sessions", User: "shop", Provider: cfg.Credentials,
//	})
//	connection := redisstore.Connection{
//		Credentials: func(ctx context.Context) (c redisstore.Credentials, err error) {
//			c.Username, c.Password, c.RefreshAfter, err = sign(ctx)
//			return c, err
//		},
//	}
//
// The password is a request, signed with the IAM credentials, to connect as the
// user. It is made on this machine; nothing is sent to anybody but the server.
// The form is that of the user guides, "Authenticating with IAM", of
// [ElastiCache] and [MemoryDB], which also say how to set up the user and what
// the IAM identity must be allowed: elasticache:Connect or memorydb:connect, on
// the cluster and on the user.
//
// # Guarantees
//
//   - Every call signs a new password. It is valid for 15 minutes, which is for
//     how long it may be used to connect, not how long the connection may last.
//   - The server closes a connection 12 hours after its last AUTH; refreshAfter
//     is an hour before that.
//   - No error has a key, a token or a password in it, unless the Provider puts
//     one into its own.
//
// # Not guaranteed
//
//   - That the server accepts the password. It refuses it, as it would any wrong
//     one, if the identity lacks the permission, if the region or the name of the
//     cluster or the user is another one, if the IAM credentials have ended, or
//     if this machine's clock is off by minutes.
//   - The servers take such passwords over TLS only (a rediss URL), and from
//     Valkey 7.2 or Redis 7.0 on.
//
// [ElastiCache]: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
// [MemoryDB]: https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html
package elasticache
