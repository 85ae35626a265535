// Package redisstore keeps sessions in Redis, Valkey or ElastiCache.
package redisstore
