package elasticache

// CredentialsAt is Credentials with a clock.
var CredentialsAt = credentials
