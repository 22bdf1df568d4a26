from models.ranking import Move, Ranked, effect, ranking


def test_ties_share_a_place_and_the_next_counts_them() -> None:
    assert ranking({1: 5, 2: 9, 3: 5, 4: 0}) == [
        Ranked(1, 2, 9, tied=False),
        Ranked(2, 1, 5, tied=True),
        Ranked(2, 3, 5, tied=True),
        Ranked(4, 4, 0, tied=False),
    ]
    assert ranking({}) == []


def test_the_effect_of_a_void() -> None:
    assert effect({1: 10, 2: 8, 3: 1}, {1: -5, 4: 2}) == [
        Move(1, 10, 5, 1, 2),
        Move(2, 8, 8, 2, 1),
        Move(3, 1, 1, 3, 4),
        Move(4, 0, 2, 4, 3),
    ]
