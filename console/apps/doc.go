// SPDX-License-Identifier: Apache-2.0

// Package apps passes people's browsers on to applications that run in clusters, such as notebooks. What these send is code of others, so
// that it is never at the console's origin: it is at one of its own, entered from the console by a ticket that is good once and for a
// minute. The ticket makes a session for one application and one person. Whether they may have it is asked at each request, and again and
// again of what goes on, such as a WebSocket.
//
// It is I/O. What an application is and who may have it, a [Finder] says. Of Trunkline it may import access and access/session.
package apps
