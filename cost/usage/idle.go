// SPDX-License-Identifier: Apache-2.0

package usage

// IdleOf returns what nodes had beyond what pods took of them, where there are nodes: for want of a share of what is idle, what pods of
// others take counts to it. What is asked for is by cluster, or by day and cluster.
func IdleOf(nodes, pods []Row) []Row {
	type at struct{ day, cluster string }
	taken := map[at]Row{}
	for _, p := range pods {
		taken[at{p.Day, p.Cluster}] = p
	}
	out := make([]Row, 0, len(nodes))
	for _, n := range nodes {
		p := taken[at{n.Day, n.Cluster}]
		out = append(out, Row{
			Day: n.Day, Cluster: n.Cluster, Kind: Idle, Nano: n.Nano - p.Nano, SpotNano: n.SpotNano - p.SpotNano,
			CoreHours: n.CoreHours - p.CoreHours, GiBHours: n.GiBHours - p.GiBHours, Unpriced: n.Unpriced,
		})
	}
	return out
}
