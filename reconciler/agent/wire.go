// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// Protocol is the version of what is said on a connection. It changes when one side would not understand the other, which
	// it does not when a field is added.
	Protocol = 1
	// RunsProtocol is the version of what is said about the runs of lots. An agent that speaks none, or another one, is not asked for any.
	RunsProtocol = 1
	// Path is where agents come to the daemon.
	Path = "/agents/connect"

	headerProtocol = "Trunkline-Protocol"
	headerCluster  = "Trunkline-Cluster"
	headerVersion  = "Trunkline-Version"

	// beat is how often each side says something, and silence after how long without anything the other side is given up.
	beat    = 5 * time.Second
	silence = 30 * time.Second
	// writeTimeout bounds one message, which may be large, on a slow line.
	writeTimeout = 2 * time.Minute

	// maxDown and maxUp bound one message to the agent and to the daemon, in bytes. What a release renders to is one message.
	maxDown = 64 << 20
	maxUp   = 4 << 20
)

// frame is one message. Seq counts those of one side of one connection: one that comes twice is left, and one that is missing
// ends the connection, after which both sides compare what they have.
type frame struct {
	Seq uint64 `json:"seq"`

	// The agent begins with Hello, and the daemon answers with Welcome.
	Hello   *hello   `json:"hello,omitempty"`
	Welcome *welcome `json:"welcome,omitempty"`
	Ping    int64    `json:"ping,omitempty"`
	Pong    int64    `json:"pong,omitempty"`
	// Clock is the agent's, as of when it says something.
	Clock int64 `json:"clock,omitempty"`

	// What the daemon says.
	Platform *Platform          `json:"platform,omitempty"`
	Objects  *objects           `json:"objects,omitempty"`
	Brief    *Brief             `json:"brief,omitempty"`
	Drop     *catalog.ReleaseID `json:"drop,omitempty"`
	Settled  *bool              `json:"settled,omitempty"`
	Act      *Act               `json:"act,omitempty"`
	Restored *restored          `json:"restored,omitempty"`
	// Taken is the last event that the daemon has put down.
	Taken uint64 `json:"taken,omitempty"`
	// Follow reports whether the daemon is to be told of the runs of lots on this connection.
	Follow *bool `json:"follow,omitempty"`
	Ask    *ask  `json:"ask,omitempty"`
	// Reach asks for a connection by which the daemon reaches what runs in the cluster. It is the ticket of it.
	Reach string `json:"reach,omitempty"`

	// What the agent says.
	Standing  *Standing      `json:"standing,omitempty"`
	Retired   *Retired       `json:"retired,omitempty"`
	Inventory *Inventory     `json:"inventory,omitempty"`
	Listed    bool           `json:"listed,omitempty"`
	State     *cluster.State `json:"state,omitempty"`
	Events    []Event        `json:"events,omitempty"`
	Reply     *Reply         `json:"reply,omitempty"`
	Restore   *restore       `json:"restore,omitempty"`
	// Runs is what there is to tell of the runs of lots.
	Runs   []json.RawMessage `json:"runs,omitempty"`
	Answer *answer           `json:"answer,omitempty"`
	// Unreached says that there is no connection, and why.
	Unreached *unreached `json:"unreached,omitempty"`
}

// hello is what an agent has.
type hello struct {
	// Instance is another one each time an agent is started: events are counted from one then.
	Instance string `json:"instance"`
	// Book is that of what the agent was told last: it is another agent's, or was lost, if it is another one.
	Book string `json:"book,omitempty"`
	// Term is since when the agent keeps its cluster.
	Term Term `json:"term"`
	// Holds are the briefs that it has, by release, and Objects the digests of the objects that it has.
	Holds   map[string]string   `json:"holds,omitempty"`
	IDs     []catalog.ReleaseID `json:"ids,omitempty"`
	Objects []string            `json:"objects,omitempty"`
	// Runs is the version of what the agent can be asked for about the runs of lots; 0 if it cannot be.
	Runs int `json:"runs,omitempty"`
	// Clock is what the clock of the agent shows, which began with it, in nanoseconds.
	Clock int64 `json:"clock,omitempty"`
	// Reach is the version by which what runs in the cluster is reached through the agent; 0 if it knows of none. Shut is set if it lets nobody through.
	Reach int  `json:"reach,omitempty"`
	Shut  bool `json:"shut,omitempty"`
}

// Term is since when one of the agents of a cluster keeps it, by the Lease there. Of two that are Of the same the one with the
// greater Epoch is the later one; of others it is not known.
type Term struct {
	Of    string `json:"of,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`
}

// welcome says what a daemon has.
type welcome struct {
	Version string `json:"version,omitempty"`
	// Taken is the last event that it has of this instance of the agent.
	Taken uint64 `json:"taken,omitempty"`
	// Reach is the version by which it reaches what runs in a cluster through its agent; 0 if it knows of none.
	Reach int `json:"reach,omitempty"`
}

// Platform is what the daemon says of the whole platform.
type Platform struct {
	Name string `json:"name"`
	// Health is how the health of custom kinds is judged.
	Health []v1alpha1.HealthRule `json:"health,omitempty"`
	// Account is the account of releases whose environment names none.
	Account string `json:"account,omitempty"`
}

// objects are those of a state, compressed.
type objects struct {
	Digest string `json:"digest"`
	Data   []byte `json:"data"`
}

// ask asks the agent for something about the runs of lots. It is sent over one connection, and is not begun once the agent's clock shows
// more than By, since the daemon does not wait for it any more: whatever became of it is known by then, or is found in the cluster.
type ask struct {
	Ticket int64           `json:"ticket"`
	By     int64           `json:"by"`
	What   json.RawMessage `json:"what"`
}

// answer answers an ask, in one or more parts.
type answer struct {
	Ticket int64  `json:"ticket"`
	Part   []byte `json:"part,omitempty"`
	More   bool   `json:"more,omitempty"`
}

// unreached says why the connection of a ticket is not brought.
type unreached struct {
	Ticket string `json:"ticket"`
	Why    string `json:"why"`
}

// Act is a person's request. It is sent over one connection, at most once.
type Act struct {
	ID    catalog.ReleaseID `json:"id"`
	Asked release.Act       `json:"asked"`
}

// Reply answers an act.
type Reply struct {
	Ticket int64 `json:"ticket"`
	// Why is empty if it was done, and Refused is set if it is not possible.
	Why     string `json:"why,omitempty"`
	Refused bool   `json:"refused,omitempty"`
}

// ReplyOf puts an error into a reply.
func ReplyOf(ticket int64, err error) Reply {
	if err == nil {
		return Reply{Ticket: ticket}
	}
	return Reply{ticket, err.Error(), errors.Is(err, release.ErrRefused)}
}

// Err returns the error.
func (r Reply) Err() error {
	switch {
	case r.Why == "":
		return nil
	case r.Refused:
		return &refused{r.Why}
	}
	return errors.New(r.Why)
}

// refused is an error of the other side that counts as [release.ErrRefused].
type refused struct{ why string }

func (e *refused) Error() string        { return e.why }
func (e *refused) Is(target error) bool { return target == release.ErrRefused }

// Standing is how a release is, and what of the last brief the agent has dealt with.
type Standing struct {
	ID catalog.ReleaseID `json:"id"`
	// Key is that of the last brief that the release has dealt with.
	Key string `json:"key,omitempty"`
	// Shown is what people are told.
	Shown status.Release `json:"shown"`
	// Progress is how far it is, for those that wait for it.
	Progress release.Progress `json:"progress"`
}

// Retired says that nothing is left of a release that was to be removed.
type Retired struct {
	ID catalog.ReleaseID `json:"id"`
}

// Inventory is that of a release in the cluster, or says that there is none any more.
type Inventory struct {
	cluster.Inventory

	Gone bool `json:"gone,omitempty"`
}

// Event is one for the history, or a run that ended.
type Event struct {
	Seq     uint64         `json:"n"`
	History *history.Event `json:"history,omitempty"`
	Run     *Run           `json:"run,omitempty"`
	// Lost counts events that there was no room for before this one, while the daemon could not be reached.
	Lost int `json:"lost,omitempty"`
}

// Run is a run of a release that ended.
type Run struct {
	Release catalog.ReleaseID `json:"release"`
	Commit  string            `json:"commit,omitempty"`
	Applied int               `json:"applied,omitempty"`
	Pruned  int               `json:"pruned,omitempty"`
	Took    time.Duration     `json:"took"`
	Why     string            `json:"why,omitempty"`
}

// restore asks for a release as an older commit declares it.
type restore struct {
	Ticket int64             `json:"ticket"`
	ID     catalog.ReleaseID `json:"id"`
	Commit string            `json:"commit"`
}

type restored struct {
	Ticket  int64    `json:"ticket"`
	Target  *Target  `json:"target,omitempty"`
	Objects *objects `json:"objects,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// errOrder says that a message is missing.
var errOrder = errors.New("a message is missing on the connection")

// counter counts the messages of one side.
type counter struct{ last uint64 }

// take reports whether a message is new; an error says that one before it is missing.
func (c *counter) take(f frame) (fresh bool, err error) {
	switch {
	case f.Seq <= c.last:
		return false, nil
	case f.Seq != c.last+1:
		return false, fmt.Errorf("%w: number %d came after %d", errOrder, f.Seq, c.last)
	}
	c.last = f.Seq
	return true, nil
}
