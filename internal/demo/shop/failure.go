package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// failed answers a request whose session could not be read or changed: 409 if
// it ended meanwhile, 413 if the cart is full, else 503. A drill gets 401
// rather than 409, as its contract has it.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	status, text := explained(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if strings.HasPrefix(r.URL.Path, probePath) {
		if status == http.StatusConflict {
			status = http.StatusUnauthorized
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		fmt.Fprintln(w, "{}")
		return
	}
	// The message has nothing that could fail to render; the page says it if
	// it does.
	_ = message(w, status, "That did not work", text)
}

// logFailure logs what is wrong with the shop; what a visitor did is not.
func logFailure(logger *slog.Logger, what string, err error) {
	if !errors.Is(err, ErrEnded) && !errors.Is(err, ErrFull) && !errors.Is(err, context.Canceled) {
		logger.Error("request failed", "what", what, "error", err)
	}
}

func explained(err error) (status int, text string) {
	switch {
	case errors.Is(err, ErrEnded):
		return http.StatusConflict, "You signed in or out meanwhile, perhaps in another window. Look at your cart and your account, then try again."
	case errors.Is(err, ErrFull):
		return http.StatusRequestEntityTooLarge, "Your cart is full. Buy what is in it before you add more."
	}
	return http.StatusServiceUnavailable, "The shop could not read or keep that just now. It may have happened all the same: look at your cart and your account before you try again. Nothing is bought twice."
}

// message answers with a page that only says something.
func message(w http.ResponseWriter, status int, title, text string) error {
	return page{Title: title, Content: text}.write(w, status, "message")
}
