"""What was, and how to get back to it: the log of revisions as people ask for it.

declared    the part of an object that people write
timeline    revisions told as news
past        views as of a moment
undo        taking an action back
local       all of it behind `HistoryClient`, read on a thread of its own
"""
