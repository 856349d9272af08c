local k = import 'k.libsonnet';

// trunkline is what every program is told: of the release, and of the workload.
function(replicas, trunkline) {
  local name = trunkline.workload.name,

  deployment: k.deployment(name, trunkline.workload.image, replicas),
  config: k.configMap(name, { greeting: 'hello from ' + trunkline.environment }),
}
