package shop

import (
	"crypto/rand"
	"slices"
)

// stock is what the shop sells, by department. Each department keeps its part
// of a visitor's cart under a name of its own, so requests for two departments
// change two things.
var stock = []department{
	{"books", []string{"An atlas of tides", "Knots for beginners", "The lighthouse keeper"}},
	{"garden", []string{"Seed potatoes", "Watering can"}},
	{"lamps", []string{"Desk lamp", "Storm lantern"}},
	{"music", []string{"Concertina", "Shanties, volume one"}},
	{"shoes", []string{"Deck shoes", "Rubber boots"}},
	{"tea", []string{"Assam", "Earl Grey"}},
	{"tools", []string{"Caulking iron", "Marlinspike"}},
	{"toys", []string{"Paper boat", "Sextant for children"}},
}

type department struct {
	Name  string
	Items []string
}

func sells(name, item string) bool {
	i := shelf(name)
	return i >= 0 && slices.Contains(stock[i].Items, item)
}

// shelf is a department's place in the stock, -1 if there is none.
func shelf(name string) int {
	return slices.IndexFunc(stock, func(d department) bool { return d.Name == name })
}

// newLine puts an item into a line of its own; 80 random bits are its ID.
func newLine(department, item string) Line { return Line{rand.Text()[:16], department, item} }
