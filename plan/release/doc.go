// SPDX-License-Identifier: Apache-2.0

// Package release is the state machine of one release: one project in one environment on one cluster. It decides when the
// release takes a new state, when it is applied, when that is tried again, when it has failed and goes back, when it is left
// alone, and what has to be remembered. Nothing outside of it decides about holds, time-outs, retries, rollback or
// suspension.
//
// [Step] is a pure function: it takes a state, an event and the time, and returns the next state and the effects that
// the caller carries out. It never blocks, and reads neither clock nor cluster. What takes time (reading the inventory,
// applying, rendering an older commit) is an operation: an effect that the caller runs beside the machine, at most one at a
// time, and answers with an event.
//
//	             Declared, Act, Progressed, …                      MemberChanged, MemberGone, Timer, …
//	                        │                                                  │
//	                        ▼                                                  ▼
//	newest ── gate ──▶ held: Restore what is in place        in force ── due ──▶ Run ──▶ applied ──▶ healthy
//	             │                                              ▲                 │         │
//	             └── let through ───────────────────────────────┘                 └─ retry  └─ failed ──▶ Restore ──▶ back
//
// Of Trunkline it may import api, catalog, render, plan, plan/gate, plan/health, plan/ownership and plan/terms.
package release
