"""The search for votes that do not come from people, from the ledger alone (decision 0020).

All of it happens in temporary tables of one transaction, set by set, and is published at its end or not at all:

    gathering.py   seen: the votes, with device, network and opening
    shares.py      groups: a device, network, burst whose share of one entry's votes is improbable; flags: their votes
    names.py       groups of similar names, by their grams
    rhythm.py      groups that vote as evenly or as fast as no hands do; throw-away mail
    suspects.py    accounts that several signals agree on, and which of them belong together
    evidence.py    what an operator is shown of a cluster
    publishing.py  clusters that keep their ids from run to run
"""
