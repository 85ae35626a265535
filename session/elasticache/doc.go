// Package elasticache makes passwords from IAM credentials.
package elasticache
