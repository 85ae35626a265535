// Command frameworks is one small shop on three frameworks: chi, echo and gin.
//
//	go run ./examples/frameworks -with gin
//
// chi takes [session.Manager.Handler] as it is. Echo and gin have writers of
// their own, which note the status and, gin's, delay it; echo.go and gin.go
// put the session's writer around the framework's, and the framework's around
// that, so that access logs see the status that was sent and nothing leaves
// before the commit. sessions.Handler(router) around the whole router is right
// as well, but then the framework's own recovery runs within it, and what a
// handler has staged before it panics is committed with the error page.
package main
