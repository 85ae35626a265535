// Package link is the way to the servers: which they are, whether they answer,
// and what it means if they do not.
package link
