// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
)

// Money is an exact amount in a currency. It does not change.
type Money struct {
	currency string
	amount   *big.Rat
}

// Currency is the ISO 4217 code.
func (m Money) Currency() string { return m.currency }

// Amount returns the exact amount, which is the caller's own.
func (m Money) Amount() *big.Rat {
	if m.amount == nil {
		return new(big.Rat)
	}
	return new(big.Rat).Set(m.amount)
}

// Decimal returns the amount, rounded half away from zero to some digits behind the point.
func (m Money) Decimal(digits int) string {
	text := m.Amount().FloatString(digits)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-") // there is no less than nothing of nothing
	}
	return text
}

// String returns the amount in whole cents, such as "12.40 USD".
func (m Money) String() string { return m.Decimal(2) + " " + m.currency }

// Sum is what several amounts come to, one in each currency. It does not change. The zero value is nothing.
type Sum struct {
	// parts are in the order of their currencies, and none is zero.
	parts []Money
}

// SumOf adds amounts up, each to those of its own currency.
func SumOf(amounts ...Money) (s Sum) {
	for _, m := range amounts {
		s = s.Add(Sum{[]Money{m}})
	}
	return s
}

// Parts returns the amounts in the order of their currencies; none of them is zero.
func (s Sum) Parts() []Money { return slices.Clone(s.parts) }

// In returns the amount in one currency.
func (s Sum) In(currency string) Money {
	for _, m := range s.parts {
		if m.currency == currency {
			return m
		}
	}
	return Money{currency, new(big.Rat)}
}

// IsZero reports whether it is nothing, in every currency.
func (s Sum) IsZero() bool { return len(s.parts) == 0 }

// Equal reports whether both are the same to the last digit.
func (s Sum) Equal(o Sum) bool {
	return slices.EqualFunc(s.parts, o.parts, func(a, b Money) bool {
		return a.currency == b.currency && a.amount.Cmp(b.amount) == 0
	})
}

// Add returns both together.
func (s Sum) Add(o Sum) Sum {
	if len(s.parts) == 0 {
		return o.nonzero()
	}
	out := make([]Money, 0, len(s.parts)+len(o.parts))
	a, b := s.parts, o.parts
	for len(a) > 0 && len(b) > 0 {
		switch strings.Compare(a[0].currency, b[0].currency) {
		case -1:
			out, a = append(out, a[0]), a[1:]
		case 1:
			out, b = append(out, b[0]), b[1:]
		default:
			out = append(out, Money{a[0].currency, new(big.Rat).Add(a[0].amount, b[0].amount)})
			a, b = a[1:], b[1:]
		}
	}
	return Sum{append(append(out, a...), b...)}.nonzero()
}

func (s Sum) nonzero() Sum {
	isZero := func(m Money) bool { return m.amount == nil || m.amount.Sign() == 0 }
	if !slices.ContainsFunc(s.parts, isZero) {
		return s
	}
	return Sum{slices.DeleteFunc(slices.Clone(s.parts), isZero)}
}

// Times returns so many times the sum.
func (s Sum) Times(n *big.Rat) Sum {
	out := make([]Money, len(s.parts))
	for i, m := range s.parts {
		out[i] = Money{m.currency, new(big.Rat).Mul(m.amount, n)}
	}
	return Sum{out}.nonzero()
}

// Sub returns the difference.
func (s Sum) Sub(o Sum) Sum { return s.Add(o.Times(big.NewRat(-1, 1))) }

// Compare orders sums by the amount in one currency first, and then by those in the others.
func (s Sum) Compare(o Sum, first string) int {
	if c := s.In(first).amount.Cmp(o.In(first).amount); c != 0 {
		return c
	}
	for _, m := range s.Sub(o).parts {
		return m.amount.Sign()
	}
	return 0
}

// Size returns the sum with the amount in each currency taken as positive.
func (s Sum) Size() Sum {
	out := make([]Money, len(s.parts))
	for i, m := range s.parts {
		out[i] = Money{m.currency, new(big.Rat).Abs(m.amount)}
	}
	return Sum{out}
}

// Text returns the amounts for people, such as "12.40 USD" or "12.40 EUR + 3.00 USD"; of nothing, nothing of a currency.
func (s Sum) Text(currency string) string {
	if len(s.parts) == 0 {
		return s.In(currency).String()
	}
	texts := make([]string, len(s.parts))
	for i, m := range s.parts {
		texts[i] = m.String()
	}
	return strings.Join(texts, " + ")
}

// Digits is how many digits behind the point amounts have where programs read them.
const Digits = 6

// MarshalJSON writes a mapping from currencies to decimal texts: a number would be read as one that is not exact.
func (s Sum) MarshalJSON() ([]byte, error) {
	out := map[string]string{}
	for _, m := range s.parts {
		out[m.currency] = m.Decimal(Digits)
	}
	return json.Marshal(out)
}
