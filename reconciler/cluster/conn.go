// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
)

// FieldManager is the name under which Trunkline owns fields. Changing it would orphan every field that it
// owns in every cluster.
const FieldManager = plan.FieldManager

// Cluster is one cluster, whether it can be reached or not. It connects when it is first needed, and again
// when its credentials have changed.
type Cluster struct {
	cfg atomic.Pointer[Config]
	// changed is called for everything that happens to members and to the connection.
	changed func(Event)

	connecting singleflight.Group
	// rules say how objects of custom kinds are doing.
	rules atomic.Pointer[health.Rules]

	mu    sync.Mutex
	conn  *Conn
	state State
	// closed is set once it is not to be connected to any more.
	closed bool
}

// State reports whether a cluster answers.
type State struct {
	// Reachable is false until the first answer.
	Reachable bool
	// Message is the last error; empty if the last call was answered.
	Message string
}

// Event is something that happened in the cluster.
type Event struct {
	// ApplySet is the id of the release whose member it is about; empty if it is about the connection.
	ApplySet string
	// Object is the member.
	Object Object
	// Deleted is true if the member is gone, and Missed if nobody watched when it went.
	Deleted, Missed bool
	// Listed is true if the objects of a kind were listed again, since watching them was interrupted: what was deleted
	// meanwhile and had not been seen before is reported by [Conn.Gone] alone.
	Listed bool
	// Dropped is true if the connection was given up, and with it all watches: it has to be connected to again.
	Dropped bool
}

// New makes a cluster without connecting to it. The function is called for every event; it must not block.
func New(cfg Config, changed func(Event)) *Cluster {
	c := &Cluster{changed: changed}
	c.cfg.Store(&cfg)
	return c
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.cfg.Load().Name }

// State reports whether the cluster answers.
func (c *Cluster) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Conn is a working connection.
type Conn struct {
	cluster   *Cluster
	managed   Managed
	config    *rest.Config
	http      *http.Client
	client    dynamic.Interface
	metadata  metadata.Interface
	discovery *discovery.DiscoveryClient
	kinds     *kinds
	places    *places
	diagnoses chan struct{}
	observer  *observer
	stop      context.CancelFunc
	// doubted is set while the API server is asked whether it is there, and sign is sent to when a call was answered.
	doubted atomic.Bool
	sign    chan struct{}
	// reread has one while the configuration is to be read again at once.
	reread chan struct{}
	// life says when a call was answered last, and suspected is set while someone waits whether there is another.
	life      life
	suspected atomic.Bool
	system    systemGate
	// pace bounds how often something is diagnosed.
	pace *rate.Limiter
}

// Connected returns the connection; nil if there is none now.
func (c *Cluster) Connected() *Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// Connect returns the connection, and makes it if there is none; those who ask at the same time share one
// attempt. The watches of the connection live as long as daemon does; ctx bounds the waiting.
func (c *Cluster) Connect(daemon, ctx context.Context) (*Conn, error) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	attempt := c.connecting.DoChan("", func() (any, error) {
		call, cancel := context.WithTimeout(daemon, connectTimeout)
		defer cancel()
		return c.connect(daemon, call)
	})
	select {
	case result := <-attempt:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*Conn), nil //nolint:forcetypeassert // connect returns nothing else
	case <-ctx.Done():
		return nil, fmt.Errorf("connecting to cluster %q: %w", c.Name(), ctx.Err())
	}
}

func (c *Cluster) connect(daemon, call context.Context) (*Conn, error) {
	c.mu.Lock()
	conn, closed := c.conn, c.closed
	c.mu.Unlock()
	if closed {
		return nil, c.closedError()
	}
	if conn != nil {
		return conn, nil // another attempt has just ended
	}
	conn, err := c.open(daemon, call)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			c.setState(State{Message: err.Error()})
		}
		return nil, err
	}
	c.mu.Lock()
	if closed = c.closed; !closed {
		c.conn = conn
	}
	c.mu.Unlock()
	if closed {
		conn.stop()
		return nil, c.closedError()
	}
	c.setState(State{Reachable: true})
	return conn, nil
}

func (c *Cluster) open(ctx, call context.Context) (*Conn, error) {
	of := c.cfg.Load()
	cfg, err := of.REST()
	if err != nil {
		return nil, err
	}
	base, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, base)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	client, err := dynamic.NewForConfigAndClient(cfg, base)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	metadataOnly, err := metadata.NewForConfigAndClient(cfg, base)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	if err := c.greet(call, cfg, base); err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	conn := &Conn{
		cluster:   c,
		managed:   of.Managed,
		config:    cfg,
		http:      base,
		client:    client,
		metadata:  metadataOnly,
		discovery: disco,
		kinds:     newKinds(disco),
		diagnoses: make(chan struct{}, maxDiagnoses),
		stop:      stop,
		sign:      make(chan struct{}, 1),
		reread:    make(chan struct{}, 1),
		system:    systemGate{turn: make(chan struct{}, 1)},
		pace:      rate.NewLimiter(diagnosesPerSecond, diagnosesAtOnce),
	}
	conn.places = newPlaces(conn.suspect) // a request that is slow may be the first of many that hang
	conn.observer = newObserver(watching, conn)
	conn.observer.spawn(conn.follow)
	return conn, nil
}

// Close ends the watches. The cluster is not connected to again.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.drop()
}

// closedError is what whoever comes too late for a cluster gets.
func (c *Cluster) closedError() error {
	return fmt.Errorf("connecting to cluster %q: this daemon does not keep it any more", c.Name())
}

// Reconfigure says that the cluster is reached in another way, and reports whether that is so. The connection up is replaced by one that
// works; until there is one it stays.
func (c *Cluster) Reconfigure(cfg Config) bool {
	before := c.cfg.Swap(&cfg)
	if *before == cfg {
		return false
	}
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		select {
		case conn.reread <- struct{}{}:
		default:
		}
	}
	return true
}

func (c *Cluster) drop() {
	if c.conn != nil {
		c.conn.stop()
		c.conn = nil
	}
}

// setState records the state, and reports it if it is another one.
func (c *Cluster) setState(next State) {
	c.mu.Lock()
	changed := c.state != next
	c.state = next
	c.mu.Unlock()
	if changed {
		c.changed(Event{})
	}
}

// resource finds how the API server serves a kind; see [kinds].
func (conn *Conn) resource(ctx context.Context, gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	m, err := conn.kinds.mapping(ctx, gk, versions...)
	if err != nil {
		conn.cluster.answered(conn, err)
		return nil, fmt.Errorf("finding the kind %s: %w", gk, err)
	}
	return m, nil
}

// do makes one call for a release, named by the id of its ApplySet, within the bounds on calls under way. Calls for no
// release in particular share a name too: the empty one.
func (conn *Conn) do(ctx context.Context, release string, call func(context.Context) error) error {
	return conn.limited(ctx, ctx, release, call)
}

// write makes one call that changes something. Once it is on its way it is not cancelled: whether the API server
// did it must be known.
func (conn *Conn) write(ctx context.Context, release string, call func(context.Context) error) error {
	return conn.limited(ctx, context.WithoutCancel(ctx), release, call)
}

// limited waits for its turn for as long as waiting lasts, and then calls with ctx.
func (conn *Conn) limited(waiting, ctx context.Context, release string, call func(context.Context) error) error {
	if err := waiting.Err(); err != nil {
		return err
	}
	place, err := conn.places.take(waiting, release)
	if err != nil {
		return err
	}
	defer conn.places.leave(place)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = call(ctx)
	conn.cluster.answered(conn, err)
	return err
}

// releaseOf returns the release that an object is of, as do and write take it: what its labels say.
func releaseOf(o *unstructured.Unstructured) string {
	return cmp.Or(o.GetLabels()[labelPartOf], o.GetLabels()[labelID])
}

// ownerOf returns the release that a member is of, as do and write take it.
func (conn *Conn) ownerOf(ref plan.Ref) string {
	release, _ := conn.Owner(ref)
	return release
}
