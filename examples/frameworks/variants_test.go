package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/evenkeel/evenkeel/session"
)

// variant is a way to put sessions and a framework together.
type variant struct {
	name string
	shop func(*session.Manager, *access) http.Handler

	undoes bool // a panic undoes what was staged
	logs   bool // the framework's access log sees the status of a replaced response
}

// access is an access log of one line: the status of the last response.
type access struct{ status atomic.Int64 }

var variants = []variant{
	{name: "chi", undoes: true, logs: true, shop: func(m *session.Manager, log *access) http.Handler {
		return chiTested(append([]func(http.Handler) http.Handler{chiLog(log)}, chiSessions(m)...))
	}},
	{name: "chi, Handler around", shop: func(m *session.Manager, log *access) http.Handler {
		return m.Handler(chiTested([]func(http.Handler) http.Handler{chiLog(log), middleware.Recoverer}))
	}},
	{name: "echo", undoes: true, logs: true, shop: func(m *session.Manager, log *access) http.Handler {
		return echoTested(append([]echo.MiddlewareFunc{echoLog(log)}, echoSessions(m)...))
	}},
	{name: "echo, WrapMiddleware", undoes: true, shop: func(m *session.Manager, log *access) http.Handler {
		return echoTested([]echo.MiddlewareFunc{echoLog(log), echomiddleware.Recover(), echo.WrapMiddleware(m.Handler)})
	}},
	{name: "echo, Handler around", shop: func(m *session.Manager, log *access) http.Handler {
		return m.Handler(echoTested([]echo.MiddlewareFunc{echoLog(log), echomiddleware.Recover()}))
	}},
	{name: "gin", undoes: true, logs: true, shop: func(m *session.Manager, log *access) http.Handler {
		return ginTested(append([]gin.HandlerFunc{ginLog(log)}, ginSessions(m)...))
	}},
	{name: "gin, Handler around", shop: func(m *session.Manager, log *access) http.Handler {
		return m.Handler(ginTested([]gin.HandlerFunc{ginLog(log), gin.Recovery()}))
	}},
}

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	gin.DefaultErrorWriter = io.Discard // the recoveries' traces
	os.Exit(m.Run())
}

func chiLog(log *access) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			noted := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(noted, middleware.WithLogEntry(r, quiet{}))
			log.status.Store(int64(noted.Status()))
		})
	}
}

// quiet takes the traces that Recoverer would print.
type quiet struct{}

func (quiet) Write(int, int, http.Header, time.Duration, any) {}
func (quiet) Panic(any, []byte)                               {}

func echoLog(log *access) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			log.status.Store(int64(c.Response().Status))
			return err
		}
	}
}

func ginLog(log *access) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		log.status.Store(int64(c.Writer.Status()))
	}
}

// The tests' own routes beside the shop's: a handler that panics after a
// change, one that answers a change with an error, one that sets a status and
// no more, and one that takes the connection.

var errBug = errors.New("a bug")

func chiTested(use []func(http.Handler) http.Handler) http.Handler {
	r := chiShop(use...)
	add := func(r *http.Request, item string) error { return cart.Append(session.From(r.Context()), item) }
	r.Post("/panic", func(_ http.ResponseWriter, r *http.Request) { panic(errors.Join(errBug, add(r, "half"))) })
	r.Post("/refuse", func(w http.ResponseWriter, r *http.Request) {
		if add(r, "refused") == nil {
			http.Error(w, "no", http.StatusTeapot)
		}
	})
	r.Post("/status", func(w http.ResponseWriter, r *http.Request) {
		if add(r, "quiet") == nil {
			w.WriteHeader(http.StatusAccepted)
		}
	})
	r.Post("/hijack", func(w http.ResponseWriter, r *http.Request) {
		if add(r, "socket") == nil {
			c, buf, err := http.NewResponseController(w).Hijack()
			greet(c, buf, err, w.Header())
		}
	})
	return r
}

func echoTested(use []echo.MiddlewareFunc) http.Handler {
	e := echoShop(use...)
	e.Logger.SetOutput(io.Discard)
	add := func(c echo.Context, item string) error {
		return cart.Append(session.From(c.Request().Context()), item)
	}
	e.POST("/panic", func(c echo.Context) error { panic(errors.Join(errBug, add(c, "half"))) })
	e.POST("/refuse", func(c echo.Context) error {
		if err := add(c, "refused"); err != nil {
			return err
		}
		return echo.NewHTTPError(http.StatusTeapot)
	})
	e.POST("/status", func(c echo.Context) error {
		if err := add(c, "quiet"); err != nil {
			return err
		}
		return c.NoContent(http.StatusAccepted)
	})
	e.POST("/hijack", func(c echo.Context) error {
		if err := add(c, "socket"); err != nil {
			return err
		}
		conn, buf, err := c.Response().Hijack()
		greet(conn, buf, err, c.Response().Header())
		return nil
	})
	return e
}

func ginTested(use []gin.HandlerFunc) http.Handler {
	g := ginShop(use...)
	add := func(c *gin.Context, item string) error {
		return cart.Append(session.From(c.Request.Context()), item)
	}
	g.POST("/panic", func(c *gin.Context) { panic(errors.Join(errBug, add(c, "half"))) })
	g.POST("/refuse", func(c *gin.Context) {
		if add(c, "refused") == nil {
			c.AbortWithStatusJSON(http.StatusTeapot, "no")
		}
	})
	g.POST("/status", func(c *gin.Context) {
		c.Status(http.StatusAccepted) // sends nothing, so changes are still possible
		if err := add(c, "quiet"); err != nil {
			c.Status(session.Status(err))
		}
	})
	g.POST("/hijack", func(c *gin.Context) {
		if add(c, "socket") == nil {
			conn, buf, err := c.Writer.Hijack()
			greet(conn, buf, err, c.Writer.Header())
		}
	})
	return g
}

// greet answers a connection that was taken.
func greet(c net.Conn, buf *bufio.ReadWriter, err error, h http.Header) {
	if err != nil {
		return
	}
	defer c.Close()
	buf.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n")
	if h.Write(buf) == nil {
		buf.WriteString("\r\nhello")
		buf.Flush()
	}
}
