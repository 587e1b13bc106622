"""How AWS Batch, ECS, Docker and Kubernetes word the end of a job.

The same end is worded in several ways, which change over the years, so each kind is known by what its wordings share.
Sources: AWS Batch User Guide, "Job timeouts" and "Automated job retries"; Amazon ECS Developer Guide, "Stopped tasks
error messages"; job lists and events of HST's runs of 2020 and 2021.
"""

import re
from enum import Enum

ABSENT = {"", "undefined", "none", "null", "unknown", "-"}
"""What stands where there is no reason."""

ORDINARY = re.compile(
    r"essential ?container (in task )?exited|essentialcontainerexited|container (has )?exited|job (has )?failed",
    re.IGNORECASE,
)
"""What Batch says of a container that ended by itself: its own reason and exit code say why."""


class Ending(Enum):
    """A kind of end, with the pattern of its wordings."""

    START = (
        r"^\W*(cannot|failed\s?to|unable\s?to)\w*(pull|start|create|inspect|stop|mount|resolve|transition)"
        r"|\bcannot\w*(container|volume|network|image|task)\w*|docker\w*(timeout|error)"
        r"|\b(resourceinitialization|containerruntime\w*|taskfailedtostart|ecsagent|internal(server)?|serviceexception|"
        r"imagepull|errimagepull|createcontainer\w*)(error|backoff|timeout)?\b"
        r"|(task|container|job|pod)s? (has )?failed to (start|launch|create)|could not transition to"
        r"|error response from daemon|\boci runtime|\bimage\b.*(not found|pull)"
        r"|time.?out waiting for|internal (service |server )?error"
    )
    MEMORY = (
        r"out.?of.?memory|\boom|oom[-_ ]?kill|due to memory|(exceed|reach|over)\w*.{0,30}\bmemory|"
        r"\bmemory\b.{0,30}(exceed|exhaust|limit)|cannot allocate memory"
    )
    MISCONFIGURED = r"misconfiguration"
    CAPACITY = r"\bcapacity\b|statetimelimit"
    TIME = (
        r"(exceed|reach|hit|pass)\w*.{0,40}(time.?out|time.?limit|duration|deadline)|deadlineexceeded"
        r"|(duration|time)\b.{0,30}(exceed|expired)|\btimed.?out\b|\btime.?out\b"
    )
    PERSON = r"^\W*((job )?((was|is) )?(cancel|abort)|(operator|user|admin\w*)\b|terminated? (via|by|from)\b)"
    HOST = (
        r"\bspot|\bhost\b|preempt|reclaim|\bnode\b|rebalanc|terminationnotice"
        r"|\b(ec2|instances?)\b.{0,80}(terminat|stopp|lost|interrupt|shut|retire|fail|unhealthy|drain|deregister)"
        r"|(terminat|stopp|lost|interrupt|retire|unhealthy|drain|deregister)\w*.{0,40}\b(ec2|instance)\b"
        r"|\bagent\b|disconnected|decommission|task was interrupted"
    )
    CANCELLED = (
        r"cancel|abort|revoked|terminated?\b.{0,20}\b(by|via|from|manual)|\b(by|operator|user|admin\w*)\b"
        r"|terminat\w+ (the )?job|job.{0,20}terminat|^terminated?\W*$|userinitiated|no longer needed"
    )

    def fits(self, text: str) -> bool:
        """Tell whether the text words such an end."""
        return re.search(self.value, text, re.IGNORECASE) is not None
