// SPDX-License-Identifier: Apache-2.0

package cost

import "math/big"

// NewMoney returns an amount in a currency, which it makes a copy of.
func NewMoney(amount *big.Rat, currency string) Money {
	return Money{currency, new(big.Rat).Set(amount)}
}
