package main

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/evenkeel/evenkeel/session"
)

// ginSessions are a shop's middlewares: Recovery is outside, so that a panic
// undoes what was staged.
func ginSessions(sessions *session.Manager) []gin.HandlerFunc {
	return []gin.HandlerFunc{gin.Recovery(), ginMiddleware(sessions)}
}

func ginMiddleware(sessions *session.Manager) gin.HandlerFunc {
	return func(c *gin.Context) {
		writer, request := c.Writer, c.Request
		defer func() { c.Writer, c.Request = writer, request }()
		sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.Writer, c.Request = ginWriter{writer, w}, r
			c.Next()
		})).ServeHTTP(writer, request)
	}
}

// ginWriter is gin's writer, but whatever sends a byte goes through the
// session's, which commits and then calls gin's. The status that a handler sets
// stays with gin's until then.
type ginWriter struct {
	gin.ResponseWriter
	w http.ResponseWriter
}

func (g ginWriter) Write(p []byte) (int, error)       { return g.w.Write(p) }
func (g ginWriter) WriteString(s string) (int, error) { return io.WriteString(g.w, s) }
func (g ginWriter) Flush()                            { _ = http.NewResponseController(g.w).Flush() } // the interface has no error
func (g ginWriter) Unwrap() http.ResponseWriter       { return g.w }

func (g ginWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(g.w).Hijack()
}

func (g ginWriter) WriteHeaderNow() {
	if !g.Written() {
		g.w.WriteHeader(g.Status())
		g.ResponseWriter.WriteHeaderNow()
	}
}

func ginShop(use ...gin.HandlerFunc) *gin.Engine {
	g := gin.New()
	g.Use(use...)
	g.GET("/", func(c *gin.Context) {
		text, err := home(session.From(c.Request.Context()))
		if err != nil {
			session.Error(c.Writer, c.Request, err)
			return
		}
		c.String(http.StatusOK, "%s", text)
	})
	g.POST("/sign-in", func(c *gin.Context) {
		ginDone(c, session.From(c.Request.Context()).SignIn(c.PostForm("user")))
	})
	g.POST("/sign-out", func(c *gin.Context) {
		ginDone(c, session.From(c.Request.Context()).SignOut())
	})
	g.POST("/cart", func(c *gin.Context) {
		ginDone(c, cart.Append(session.From(c.Request.Context()), c.PostForm("item")))
	})
	g.GET("/events", func(c *gin.Context) {
		s := session.From(c.Request.Context())
		if err := open(c.Request.Context(), s); err != nil {
			session.Error(c.Writer, c.Request, err)
			return
		}
		first := true
		c.Stream(func(io.Writer) bool {
			if !first && !pause(c.Request.Context(), s) {
				return false
			}
			first = false
			c.SSEvent("tick", "tick")
			return true
		})
	})
	return g
}

func ginDone(c *gin.Context, err error) {
	if err != nil {
		session.Error(c.Writer, c.Request, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
