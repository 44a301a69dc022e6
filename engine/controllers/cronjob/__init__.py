"""CronJobs (kube-controller-manager's cronjob-controller): a Job at every time that a schedule names.

`cron` says when, `missed` which times have come since the last Job, `controller` makes Jobs and tidies up after them.
"""
