// What is told of the release and the workload; blueprints/README.md of Trunkline lists it.
local t = std.extVar('trunkline');

// Tables and lists of objects; the names are yours.
{
  config: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: t.workload.name },
    data: { environment: t.environment },
  },
}
