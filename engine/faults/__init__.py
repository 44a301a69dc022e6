"""What is broken on purpose: objects of kind Fault, and what is otherwise while they last.

- `effects`: which faults are active, and whom they touch. Kubelets, the runtime, the network and the controllers'
  runners ask; nothing that anybody declared is written over, so that the end of a fault needs no undoing, and faults
  that overlap do not undo each other.
- `controller`: begins and ends them, on cluster time; says so.
- `targets`: what a fault is aimed at, in words and as a match.
"""
