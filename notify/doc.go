// SPDX-License-Identifier: Apache-2.0

// Package notify decides what is told to whom about a platform: which of what is so, or has happened, is news for a channel, when it is
// told, what is told together, and what is only counted. [Step] is all of it: a state, what is seen, and the time, to a state and messages.
//
// Messages are kept by notify/outbox, and sent by notify/channel.
//
// It is pure. Of Trunkline it imports api/glob only.
package notify
