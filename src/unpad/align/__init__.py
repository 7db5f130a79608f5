"""Targets and weights beside the steps that they belong to: the one place, for losses and metrics.

`lay`, `targets` and `weights` lay what a caller gave beside a whole data set's steps, before
training; `beside` lays a batch's beside what the model made of it.
"""
