# Names of all kinds, everywhere.
for case in files deep_paths log_lines access_log logged_files trackers \
    configuration complaints; do
	full_case names $case
done
