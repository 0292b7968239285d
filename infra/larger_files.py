"""Where files go that are too large for a request, in the words of what refuses them."""

ELSEWHERE = (
    "Larger files: characters POST /api/characters/upload,"
    " libraries POST /api/characters/import/upload,"
    " pictures of users POST /api/users/me/avatar/upload"
)
