# SPDX-License-Identifier: Apache-2.0
"""Reads events of OpenLineage, one a line, by the classes of its own client, and writes what they make of them: read.py FOLDER"""

import json
import sys
import types

folder = sys.argv[1]
sys.path.insert(0, folder)
# The package itself imports what sends events, which is not installed.
package = types.ModuleType("openlineage.client")
package.__path__ = [folder + "/openlineage/client"]
sys.modules["openlineage.client"] = package

from openlineage.client import facet_v2  # noqa: E402
from openlineage.client.generated import base  # noqa: E402
from openlineage.client.serde import Serde  # noqa: E402

standard = {
    "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
}


def facets(all):
    """Makes the standard facets by their classes, which say themselves which schema they have."""
    made = {}
    for name, fields in all.items():
        if name in standard:
            own = {k: v for k, v in fields.items() if not k.startswith("_")}
            made[name] = standard[name](**own, producer=fields["_producer"])
        else:
            made[name] = fields
    return made


def dataset(kind, d):
    return kind(namespace=d["namespace"], name=d["name"], facets=facets(d["facets"]))


for line in sys.stdin:
    e = json.loads(line)
    event = base.RunEvent(
        eventType=base.EventType(e["eventType"]),
        eventTime=e["eventTime"],
        producer=e["producer"],
        run=base.Run(runId=e["run"]["runId"], facets=facets(e["run"]["facets"])),
        job=base.Job(namespace=e["job"]["namespace"], name=e["job"]["name"], facets=facets(e["job"]["facets"])),
        inputs=[dataset(base.InputDataset, d) for d in e["inputs"]],
        outputs=[dataset(base.OutputDataset, d) for d in e["outputs"]],
    )
    print(Serde.to_json(event))
