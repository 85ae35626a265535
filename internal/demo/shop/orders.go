package shop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

// ErrOrder refuses an order: no number, nothing in the cart, or a number that
// is somebody else's. Nothing was changed.
var ErrOrder = errors.New("order refused")

// Order is what a customer bought.
type Order struct {
	ID    string
	Items []string
}

// Orders is the shop's own database, shared by its replicas. It is safe for
// concurrent use.
//
// The line is sold, not the cart: a line's ID is in one order at most, so a
// cart that could not be emptied after it was bought is not bought again.
type Orders struct{ db *sql.DB }

const orderSchema = `
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sold (line TEXT PRIMARY KEY, order_id TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer);
CREATE INDEX IF NOT EXISTS sold_order ON sold (order_id);`

// OpenOrders opens the SQLite file at path and creates it where it is not.
func OpenOrders(ctx context.Context, path string) (*Orders, error) {
	db, err := openDB(ctx, path, orderSchema)
	if err != nil {
		return nil, err
	}
	return &Orders{db: db}, nil
}

// Close releases the file.
func (o *Orders) Close() error { return o.db.Close() }

// orderID is what newOrderID makes: 130 random bits in base32.
var orderID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func newOrderID() string { return rand.Text() }

// Confirm makes an order of all in the cart that has not been sold before, and
// returns what of the cart is sold now. Repeated with the same number by the
// same customer, or with nothing left to sell, it makes none.
func (o *Orders) Confirm(ctx context.Context, id, customer string, cart []Line) (sold []Line, err error) {
	if !orderID.MatchString(id) {
		return nil, fmt.Errorf("%w: no order number", ErrOrder)
	}
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit there is nothing to undo
	var owner string
	switch err := tx.QueryRowContext(ctx, `SELECT customer FROM orders WHERE id = ?`, id).Scan(&owner); {
	case errors.Is(err, sql.ErrNoRows):
		return o.record(ctx, tx, id, customer, cart)
	case err != nil:
		return nil, fmt.Errorf("confirm: %w", err)
	case owner != customer:
		return nil, fmt.Errorf("%w: the number is taken", ErrOrder)
	}
	for _, l := range cart {
		switch err := tx.QueryRowContext(ctx, `SELECT 1 FROM sold WHERE line = ?`, l.ID).Scan(new(int)); {
		case err == nil:
			sold = append(sold, l)
		case !errors.Is(err, sql.ErrNoRows):
			return nil, fmt.Errorf("confirm: %w", err)
		}
	}
	return sold, nil
}

// record is Confirm for a number that is new.
func (o *Orders) record(ctx context.Context, tx *sql.Tx, id, customer string, cart []Line) ([]Line, error) {
	if len(cart) == 0 {
		return nil, fmt.Errorf("%w: the cart is empty", ErrOrder)
	}
	var fresh int64
	for _, l := range cart {
		res, err := tx.ExecContext(ctx, `INSERT INTO sold (line, order_id, item) VALUES (?, ?, ?) ON CONFLICT (line) DO NOTHING`, l.ID, id, l.Item)
		if err != nil {
			return nil, fmt.Errorf("confirm: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return nil, fmt.Errorf("confirm: %w", err)
		}
		fresh += n
	}
	if fresh == 0 {
		return cart, nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id, customer) VALUES (?, ?)`, id, customer); err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	return cart, nil
}

// Of lists a customer's orders, the newest first, at most 100.
func (o *Orders) Of(ctx context.Context, customer string) (orders []Order, err error) {
	rows, err := o.db.QueryContext(ctx, `
		SELECT o.id, s.item FROM (SELECT rowid, id FROM orders WHERE customer = ? ORDER BY rowid DESC LIMIT 100) AS o
		JOIN sold AS s ON s.order_id = o.id ORDER BY o.rowid DESC, s.rowid`, customer)
	if err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, item string
		if err := rows.Scan(&id, &item); err != nil {
			return nil, fmt.Errorf("orders: %w", err)
		}
		if n := len(orders); n == 0 || orders[n-1].ID != id {
			orders = append(orders, Order{ID: id})
		}
		last := &orders[len(orders)-1]
		last.Items = append(last.Items, item)
	}
	return orders, rows.Err()
}
