// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/lot"
)

const (
	// awsImage has the tool of AWS, and user is as whom it runs: its own is root.
	awsImage = "public.ecr.aws/aws-cli/aws-cli:2.17.0"
	awsUser  = 1000
)

// units are those of Clusterless.
var units = []lot.Unit{lot.Fourths, lot.Sixths, lot.Twelfths}

// unit reads one of the units that Clusterless has.
func (d deployable) unit(n *node, name string) (lot.Unit, error) {
	written, err := d.text(n, name)
	if err != nil {
		return 0, err
	}
	for _, u := range units {
		if strings.EqualFold(u.String(), written) {
			return u, nil
		}
	}
	return 0, d.at(n.get(name), "%q is not a unit of lots in Clusterless; want one of: Fourths, Sixths, Twelfths", written)
}

// boundary makes the dataset of a boundary, and what brings its lots.
func (m *migration) boundary(r *region, c component) error {
	unit, err := c.unit(c.node, "lotUnit")
	if err != nil {
		return err
	}
	d, err := c.object(c.node, "dataset")
	if err != nil {
		return err
	}
	arrival, err := c.optional(c.node, "eventArrival", "infrequent")
	if err != nil {
		return err
	}
	if arrival != "infrequent" && arrival != "frequent" {
		return c.at(c.get("eventArrival"), "the eventArrival %q works in no Clusterless; want one of: infrequent, frequent", arrival)
	}
	filter, err := m.filter(c, c.get("filter"), "filter")
	if err != nil {
		return err
	}
	ref, err := m.declareDataset(r, c, d, unit, c.exclude)
	if err != nil {
		return err
	}
	if c.exclude {
		m.note(c.deployable, c.node, c.String(), "it is excluded, and not deployed: the dataset is external, and nobody writes manifests of its lots", "write them, or remove the dataset")
		return nil
	}
	params, err := m.boundaryParams(c, arrival, filter)
	if err != nil {
		return err
	}
	r.workloads = append(r.workloads, &workload{
		component: c, Name: label(c.name), Blueprint: "boundary", Writes: map[string]string{"main": ref}, Params: params,
	})
	m.note(c.deployable, c.node, c.String(), "it looks at the same bucket as that of Clusterless, which makes the same lots", "destroy the boundary of Clusterless once this one runs: of two manifests of a lot the first counts")
	return nil
}

// boundaryParams are those of the blueprint boundary.
func (m *migration) boundaryParams(c component, arrival string, filter map[string]any) (map[string]any, error) {
	params := map[string]any{"arrival": "immediate"}
	if arrival == "frequent" {
		params["arrival"] = "interval"
	}
	if filter == nil {
		filter = map[string]any{}
	}
	if filter["excludes"] == nil {
		filter["excludes"] = []string{} // what is hidden is data there
	}
	params["filter"] = filter
	in := c.get("infrequent")
	if in == nil || arrival == "frequent" {
		return params, nil
	}
	source, err := c.optional(in, "lotSource", "objectModifiedTime")
	if err != nil {
		return nil, err
	}
	switch source {
	case "objectModifiedTime":
		params["lotSource"] = "modified"
	case "eventTime":
		params["lotSource"] = "modified"
		m.note(c.deployable, in, c.String()+": infrequent.lotSource", "a notification decides nothing here: when the object was modified says its lot, which is seconds before its event", "")
	default:
		m.note(c.deployable, in, c.String()+": infrequent.lotSource", fmt.Sprintf("%q works in no Clusterless: when the object was modified says its lot", source), `lotSource: key of the blueprint takes it from the name of the object`)
	}
	return params, nil
}

// filter reads which objects count; nil for all.
func (m *migration) filter(c component, n *node, path string) (map[string]any, error) {
	if n == nil {
		return nil, nil
	}
	if n.kind != object {
		return nil, c.at(n, "%q is %s; want an object", path, n.kind)
	}
	out := map[string]any{}
	for _, name := range []string{"includes", "excludes"} {
		patterns, err := m.patterns(c, n, path, name)
		if err != nil {
			return nil, err
		}
		if len(patterns) > 0 {
			out[name] = patterns
		}
	}
	ignore, err := c.yes(n, "ignoreCase")
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, nil
	}
	if ignore {
		out["ignoreCase"] = true
	}
	if s := n.get("pathSeparator"); s != nil && s.text != "/" {
		m.note(c.deployable, s, fmt.Sprintf("%s: %s.pathSeparator", c, path), `folders are told apart by "/", always`, "write the patterns with it")
	}
	return out, nil
}

// exportScript asks CloudWatch for the interval that has ended last. An interval divides a day.
const exportScript = `end=$(($(date +%s) / INTERVAL * INTERVAL))
aws logs create-export-task --task-name "export-$end" --log-group-name "$LOG_GROUP" ${LOG_STREAM_PREFIX:+--log-stream-name-prefix "$LOG_STREAM_PREFIX"} \
  --from $(((end - INTERVAL) * 1000)) --to $((end * 1000)) --destination "$BUCKET" --destination-prefix "$FOLDER"
`

// export makes the workload of an activity that exports logs by the clock.
func (m *migration) export(r *region, c component) error {
	unit, err := c.unit(c.node, "interval")
	if err != nil {
		return err
	}
	group, err := c.text(c.node, "logGroupName")
	if err != nil {
		return err
	}
	address, err := c.text(c.node, "pathURI")
	if err != nil {
		return err
	}
	l, err := location.Parse(address)
	if err != nil || l.Scheme != "s3" {
		return c.at(c.get("pathURI"), "%q is no folder of S3", address)
	}
	stream, err := c.optional(c.node, "logStreamPrefix", "")
	if err != nil {
		return err
	}
	env := map[string]string{
		"LOG_GROUP": group, "BUCKET": l.Bucket, "FOLDER": strings.TrimSuffix(l.Folder, "/"), "AWS_REGION": r.placement.region,
		"INTERVAL": fmt.Sprint(int(unit.Duration().Seconds())),
	}
	if stream != "" {
		env["LOG_STREAM_PREFIX"] = stream
	}
	r.workloads = append(r.workloads, &workload{
		component: c, Name: label(c.name), Blueprint: "cron-job", Image: awsImage, Command: []string{"sh", "-c", exportScript}, Env: env,
		Schedule: fmt.Sprintf("*/%d * * * *", int(unit.Duration().Minutes())), Timeout: fmt.Sprintf("%dm", int(unit.Duration().Minutes())), Params: map[string]any{"user": awsUser}, Exclude: c.exclude,
	})
	m.note(c.deployable, c.node, c.String(), "it asks CloudWatch for an export as before; an account has one at a time, and one that is refused is tried again by the retries of the Job only",
		"what runs in the cluster logs there, and not to CloudWatch: keep the workload for log groups of others")
	return nil
}
