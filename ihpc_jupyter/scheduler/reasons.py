"""Why a job waits or ended, in plain words: Slurm's codes and those of the `local` site."""

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.why import Category
from ihpc_jupyter.scheduler.reason_limits import explain_limit

_SENTENCES = {
    "AccountNotAllowed": "The account may not use this partition or quality of service.",
    "AccountingPolicy": "The job exceeds a limit of its account or quality of service.",
    "AssocGrpBillingMinutes": "The account has used up its budget.",
    "AssocGrpCPUMinutesLimit": "The account has used up its core time.",
    "AssocGrpCPURunMinutesLimit": "The account's running jobs hold all the core time it may reserve.",
    "AssocGrpCpuLimit": "The account already uses all the cores it may use at once.",
    "AssocGrpGRES": "The account already uses all the GPUs (or other devices) it may use at once.",
    "AssocGrpJobsLimit": "The account already has as many running jobs as it may.",
    "AssocGrpMemLimit": "The account already uses all the memory it may use at once.",
    "AssocGrpNodeLimit": "The account already uses all the nodes it may use at once.",
    "AssocGrpSubmitJobsLimit": "The account already has as many jobs in the queue as it may.",
    "AssocGrpWallLimit": "The account has used up its run time.",
    "AssocMaxCpuPerJobLimit": "The job asks for more cores than the account allows one job.",
    "AssocMaxJobsLimit": "You already have as many running jobs as the account allows.",
    "AssocMaxNodePerJobLimit": "The job asks for more nodes than the account allows one job.",
    "AssocMaxSubmitJobLimit": "You already have as many jobs in the queue as the account allows.",
    "AssocMaxWallDurationPerJobLimit": "The job asks for more time than the account allows.",
    "AssociationJobLimit": "The account already has as many running jobs as it may.",
    "AssociationResourceLimit": "The job exceeds a limit of its account.",
    "AssociationTimeLimit": "The account has used up its time.",
    "BadConstraints": "No node can ever satisfy what the job asks for.",
    "BeginTime": "The job may not start before a set time; a requeued job is held for a moment.",
    "BurstBufferOperation": "An operation of the burst buffer failed; the job is held.",
    "BurstBufferResources": "Waiting for room in the burst buffer.",
    "BurstBufferStageIn": "Files are being staged in before the job starts.",
    "Cleaning": "The job was requeued; its last run is still being cleaned up.",
    "Constraints": "No nodes with what the job asks for are free at the moment.",
    "DeadLine": "The job can no longer end before its deadline.",
    "Dependency": "Waiting for another job that it depends on.",
    "DependencyNeverSatisfied": "It depends on a job that did not end as required; it will never start.",
    "FedJobLock": "The clusters of the federation are agreeing on which of them starts it.",
    "FrontEndDown": "No front-end node is available to start the job.",
    "InactiveLimit": "The job was idle for longer than the system allows.",
    "InvalidAccount": "The account is not valid here.",
    "InvalidQOS": "The quality of service is not valid here.",
    "JobArrayTaskLimit": "As many jobs of the array run as it allows itself.",
    "JobHeldAdmin": "Held by an administrator.",
    "JobHeldUser": "Held by you; release it to let it start.",
    "JobHoldMaxRequeue": "Requeued too often; held.",
    "JobLaunchFailure": "The job could not be launched; a file system or a node may be at fault.",
    "Licenses": "Waiting for a licence to become free.",
    "MaxMemPerLimit": "The job asks for more memory per core or node than the partition allows.",
    "NodeDown": "A node that the job needs is down.",
    "NonZeroExitCode": "The job's script ended with an error.",
    "NodesHeld": "The nodes it could have are kept for jobs of higher priority, or are down or drained.",
    "OutOfMemory": "The job used more memory than it asked for.",
    "PartitionDown": "The partition is not running jobs at the moment.",
    "PartitionInactive": "The partition is inactive and starts no jobs.",
    "PartitionNodeLimit": "The job asks for more nodes than the partition allows, or some are down.",
    "PartitionConfig": "The job asks for more than the partition has or allows; it cannot start as it is.",
    "PartitionTimeLimit": "The job asks for more time than the partition allows; it cannot start as it is.",
    "Preempted": "Told to go: a job with a higher priority needs its place.",
    "Prolog": "A node is being prepared for the job.",
    "Priority": "Jobs with a higher priority are ahead in the queue.",
    "QOSGrpCpuLimit": "All the cores that this quality of service may use at once are in use.",
    "QOSGrpGRES": "All the GPUs (or other devices) that this quality of service may use at once are in use.",
    "QOSGrpJobsLimit": "As many jobs run under this quality of service as it allows.",
    "QOSGrpMemLimit": "All the memory that this quality of service may use at once is in use.",
    "QOSGrpNodeLimit": "All the nodes that this quality of service may use at once are in use.",
    "QOSGrpSubmitJobsLimit": "As many jobs are queued under this quality of service as it allows.",
    "QOSGrpWallLimit": "This quality of service has used up its run time.",
    "QOSJobLimit": "You already have as many running jobs as this quality of service allows.",
    "QOSMaxCpuPerJobLimit": "The job asks for more cores than this quality of service allows one job.",
    "QOSMaxCpuPerUserLimit": "You already use all the cores that this quality of service allows one user.",
    "QOSMaxGRESPerUser": "You use all the devices (GPUs) that this quality of service allows one user.",
    "QOSMaxJobsPerUserLimit": "You have as many running jobs as this quality of service allows one user.",
    "QOSMaxMemoryPerUser": "You already use all the memory that this quality of service allows one user.",
    "QOSMaxNodePerJobLimit": "The job asks for more nodes than this quality of service allows one job.",
    "QOSMaxNodePerUserLimit": "You already use all the nodes that this quality of service allows one user.",
    "QOSMaxSubmitJobPerUserLimit": "You have as many queued jobs as this quality of service allows one user.",
    "QOSMaxWallDurationPerJobLimit": "The job asks for more time than this quality of service allows.",
    "QOSMinCpuNotSatisfied": "The job asks for fewer cores than this quality of service requires.",
    "QOSMinGRES": "The job asks for fewer GPUs (or other devices) than this quality of service requires.",
    "QOSNotAllowed": "The quality of service may not be used in this partition or with this account.",
    "QOSResourceLimit": "The job exceeds a limit of its quality of service.",
    "QOSTimeLimit": "The quality of service has used up its time.",
    "QOSUsageThreshold": "The usage is above what this quality of service requires.",
    "RaisedSignal": "The job ended by a signal.",
    "ReqNodeNotAvail": "A node that the job needs is down, drained or reserved, perhaps for a maintenance.",
    "Reservation": "Waiting for its reservation to begin.",
    "ReservationDeleted": "Its reservation was deleted.",
    "Resources": "Waiting for enough free cores, memory or nodes.",
    "SchedDefer": "The system puts off starting jobs at submission.",
    "SystemFailure": "A failure of Slurm, a file system or the network.",
    "TimeLimit": "The job reached its time limit.",
    "WaitingForScheduling": "The scheduler has not looked at the job yet.",
}  # fmt: skip

_BEGINNINGS = (
    ("Nodes required for job are DOWN", "NodesHeld"),
    ("ReqNodeNotAvail", "ReqNodeNotAvail"),
    ("launch failed", "JobLaunchFailure"),
    ("job requeued in held state", "JobHeldUser"),
)

_STATES = {
    JobState.PENDING: "It waits in the queue.",
    JobState.CONFIGURING: "It has its nodes; they are being made ready.",
    JobState.RUNNING: "It runs.",
    JobState.SUSPENDED: "It is suspended: it keeps its memory and gets no cores for now.",
    JobState.REQUEUED: "It was put back into the queue and waits again.",
    JobState.COMPLETING: "It has ended; its nodes are being cleaned up.",
    JobState.COMPLETED: "It has ended well.",
    JobState.CANCELLED: "It was cancelled.",
    JobState.FAILED: "It has ended with an error.",
    JobState.TIMEOUT: "It was ended at its time limit.",
    JobState.PREEMPTED: "It had to go for a job of higher priority.",
    JobState.NODE_FAIL: "It has ended because a node failed.",
    JobState.OUT_OF_MEMORY: "It was ended because it used more memory than it asked for.",
    JobState.BOOT_FAIL: "It has ended because its nodes could not be made ready.",
    JobState.DEADLINE: "It was ended: its deadline could not be kept.",
    JobState.UNKNOWN: "The batch system no longer tells of it.",
}

_CATEGORIES = {
    "Priority": Category.PRIORITY,
    **dict.fromkeys(
        ("Resources", "Licenses", "BurstBufferResources", "BurstBufferStageIn", "Constraints"), Category.RESOURCES
    ),
    **dict.fromkeys(("Dependency", "DependencyNeverSatisfied"), Category.DEPENDENCY),
    "BeginTime": Category.BEGIN_TIME,
    "BurstBufferOperation": Category.HELD,
    **dict.fromkeys(("Reservation", "ReservationDeleted"), Category.RESERVATION),
    **dict.fromkeys(
        ("NodeDown", "NodesHeld", "PartitionDown", "PartitionInactive", "FrontEndDown", "ReqNodeNotAvail"),
        Category.NODE_DOWN,
    ),
    **dict.fromkeys(
        ("", "None", "WaitingForScheduling", "SchedDefer", "Cleaning", "Prolog", "FedJobLock"),
        Category.NOT_CONSIDERED,
    ),
    **dict.fromkeys(("BadConstraints", "JobArrayTaskLimit", "DeadLine"), Category.LIMIT),
}

_PREFIXES = (
    ("QOS", Category.LIMIT),
    ("Assoc", Category.LIMIT),
    ("Partition", Category.LIMIT),
    ("Max", Category.LIMIT),
    ("Account", Category.LIMIT),
    ("Invalid", Category.LIMIT),
    ("JobHeld", Category.HELD),
    ("JobHoldMaxRequeue", Category.HELD),
    ("job requeued in held state", Category.HELD),
    ("Nodes required for job are DOWN", Category.NODE_DOWN),
)

_ENDS = {
    JobState.COMPLETED: Category.COMPLETED,
    JobState.COMPLETING: Category.COMPLETED,
    JobState.CANCELLED: Category.CANCELLED,
    JobState.FAILED: Category.FAILED,
    JobState.BOOT_FAIL: Category.NODE_FAILURE,
    JobState.NODE_FAIL: Category.NODE_FAILURE,
    JobState.TIMEOUT: Category.TIMED_OUT,
    JobState.DEADLINE: Category.TIMED_OUT,
    JobState.PREEMPTED: Category.PREEMPTED,
    JobState.OUT_OF_MEMORY: Category.OUT_OF_MEMORY,
}


def explain_state(state: JobState) -> str:
    """A sentence for a job's state."""
    return _STATES[state]


def category_of(job: Job) -> Category:
    """The kind of answer to "why?", from the batch system's state and code alone."""
    if job.state.ended:
        return _ENDS[job.state]
    if job.state.active:
        return Category.RUNNING
    if not job.state.waiting:
        return Category.UNKNOWN
    word = job.reason.strip().strip("()")
    if word.startswith("ReqNodeNotAvail") and "reserved" in word.lower():
        return Category.RESERVATION
    code = word.partition(",")[0]
    if code in _CATEGORIES:
        return _CATEGORIES[code]
    return next((category for start, category in _PREFIXES if word.startswith(start)), Category.UNKNOWN)


def explain_reason(code: str, exit_code: int | None = None) -> str:
    """A sentence for a batch system's reason; a code that we do not know is given back as it is."""
    word = code.strip().strip("()")
    if word == "JobLaunchFailure" and exit_code is not None and exit_code < 0:
        word = "RaisedSignal"  # Slurm says so of a script that a signal ended, too
    for beginning, meant in _BEGINNINGS:
        if word.lower().startswith(beginning.lower()):
            return _SENTENCES[meant]
    return _SENTENCES.get(word) or explain_limit(word) or word
