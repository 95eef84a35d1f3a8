/* SPDX-License-Identifier: ISC */
/*
 * The input is a path, up to a NUL, and an info dictionary.  A dictionary that
 * has no file in a tree has none in a smaller one.
 */
#include "common/info_paths.h"
#include "common/msg.h"
#include "tests/lib/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *nul = memchr(data, '\0', len);
	struct str tree = { (const char *)data, nul == NULL ? 0 :
	    (size_t)(nul - data) };
	size_t at = nul == NULL ? 0 : tree.len + 1, info_len = len - at;
	char *info = copy_of(data + at, info_len);
	bool has;

	if (tree.len > SPEC_MAX)
		tree.len = SPEC_MAX;
	has = info_paths_touch(info, info_len, tree);
	for (; tree.len > 0; tree.len--)
		if (tree.p[tree.len - 1] == '/')
			require(!has || info_paths_touch(info, info_len,
			    (struct str){ tree.p, tree.len - 1 }));
	free(info);
	return 0;
}
