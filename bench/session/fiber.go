package main

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gofiber/storage/redis/v3"
)

var fiberPeer = library{name: "fiber", renews: true, open: func(e environment, h *holds) (instance, error) {
	host, port, err := net.SplitHostPort(e.redis)
	if err != nil {
		return instance{}, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return instance{}, err
	}
	// A database of its own: the storage has no prefix.
	storage := redis.New(redis.Config{Host: host, Port: n, Database: 1})
	app := fiber.New()
	app.Use(session.New(session.Config{Storage: storage}))
	app.Post("/:call", func(c fiber.Ctx) error {
		// Fiber's strings are valid within the handler only, and stores keep keys.
		q, err := url.ParseQuery(strings.Clone(string(c.Request().URI().QueryString())))
		if err != nil {
			return err
		}
		status, body := h.answer(c.Context(), strings.Clone(c.Params("call")), q, fiberVisit{session.FromContext(c)})
		return c.Status(status).SendString(body)
	})
	return instance{
		serve: func(l net.Listener) error {
			return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
		},
		close: func() error {
			if err := app.Shutdown(); err != nil {
				return err
			}
			return storage.Close()
		},
	}, nil
}}

// fiberVisit: the middleware loads and saves.
type fiberVisit struct{ m *session.Middleware }

func (v fiberVisit) User() (string, error) { return v.Value("user") }
func (v fiberVisit) SignOut() error        { return v.m.Reset() } // as the documents show a logout
func (v fiberVisit) Save() error           { return nil }

func (v fiberVisit) Value(key string) (string, error) {
	value, _ := v.m.Get(key).(string) // absent is ""
	return value, nil
}

func (v fiberVisit) Set(key, value string) error {
	v.m.Set(key, value)
	return nil
}

func (v fiberVisit) SignIn(user string) error {
	if err := v.m.Regenerate(); err != nil {
		return err
	}
	return v.Set("user", user)
}
