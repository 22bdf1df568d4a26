"""English texts, pictures, video and attachments of entries"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = ("title_en", "summary_en", "text_en", "video")
_LISTS = {
    "pictures": "JSON: [{alt, alt_en, sizes: [{width, height, address}]}]",
    "attachments": "JSON: [{title, title_en, address, bytes}]",
}


def upgrade() -> None:
    for name in _TEXTS:
        op.add_column("entries", sa.Column(name, sa.Text(), server_default="", nullable=False))
    for name, what in _LISTS.items():
        op.add_column("entries", sa.Column(name, sa.Text(), server_default="[]", nullable=False, comment=what))


def downgrade() -> None:
    for name in (*_LISTS, *reversed(_TEXTS)):
        op.drop_column("entries", name)
