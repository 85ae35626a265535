package main

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/evenkeel/evenkeel/session"
)

// echoSessions are a shop's middlewares: Recover is outside, so that a panic
// undoes what was staged. An error that a handler returns does not; it is
// answered after the commit.
func echoSessions(sessions *session.Manager) []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{middleware.Recover(), echoMiddleware(sessions)}
}

// echoMiddleware is echo.WrapMiddleware(sessions.Handler) that puts echo's
// Response back, so that the error handler and middlewares outside see what
// was sent, not what the handler wanted to send.
func echoMiddleware(sessions *session.Manager) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			response, request := c.Response(), c.Request()
			defer func() {
				c.SetResponse(response)
				c.SetRequest(request)
			}()
			sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetResponse(echo.NewResponse(w, c.Echo()))
				c.SetRequest(r)
				err = next(c)
			})).ServeHTTP(response, request)
			return err
		}
	}
}

func echoShop(use ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.Use(use...)
	e.GET("/", func(c echo.Context) error {
		text, err := home(session.From(c.Request().Context()))
		if err != nil {
			return echoError(c, err)
		}
		return c.String(http.StatusOK, text)
	})
	e.POST("/sign-in", func(c echo.Context) error {
		return echoDone(c, session.From(c.Request().Context()).SignIn(c.FormValue("user")))
	})
	e.POST("/sign-out", func(c echo.Context) error {
		return echoDone(c, session.From(c.Request().Context()).SignOut())
	})
	e.POST("/cart", func(c echo.Context) error {
		return echoDone(c, cart.Append(session.From(c.Request().Context()), c.FormValue("item")))
	})
	e.GET("/events", func(c echo.Context) error {
		ctx := c.Request().Context()
		s := session.From(ctx)
		if err := open(ctx, s); err != nil {
			return echoError(c, err)
		}
		c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
		for {
			if _, err := fmt.Fprint(c.Response(), "data: tick\n\n"); err != nil {
				return err
			}
			c.Response().Flush()
			if !pause(ctx, s) {
				return nil
			}
		}
	})
	return e
}

func echoDone(c echo.Context, err error) error {
	if err != nil {
		return echoError(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

func echoError(c echo.Context, err error) error {
	session.Error(c.Response(), c.Request(), err)
	return nil
}
