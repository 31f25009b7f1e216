// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "report/formats.h"
#include "report/report.h"
#include "report/versus.h"
#include "report/view.h"
#include "tests/unit/unit.h"
#include "util/json.h"

/* A run of 10 s that deviated: two seconds before, six with a fault, two after. */
#define JOURNAL                                                                                    \
	"{'schema':'squall/journal/1','run':'20261125-100000-abcd','verdict':'deviated','exit':1," \
	"'reason':'a, during: b','task_id':'OPS-1','reason_given':'because <&>','duration_s':10,"  \
	"'started':'2026-11-25T10:00:00.000000Z','ended':'2026-11-25T10:00:10.000000Z',"           \
	"'experiment':{'title':'A <b>bold</b> & \\'quoted\\' | title','file':'/x/a.b.yaml',"       \
	"'seed':7,'sha256':'00'},'host':{'name':'h','kernel':'6','squall':'0'},"                   \
	"'started_by':{'user':'u'},'notes':[{'t':'2026-11-25T10:00:03.000000Z','text':'n1'}],"     \
	"'blast_radius':{'limits':[],'used':{'cgroups':1,'processes':2,'faults':30}},"             \
	"'cleanup':{'clean':true,'took_ms':5,'leftovers':[]},"                                     \
	"'probes':[{'name':'the cart | answers','recovered_s':1.5,"                                \
	"'before':{'samples':2,'failures':0,'p50_ms':1,'p95_ms':2,'max_ms':2,'verdict':'met'},"    \
	"'during':{'samples':6,'failures':1,'p50_ms':10,'p95_ms':20,'max_ms':20,"                  \
	"'verdict':'not met','why':'p95 is 20 ms, allowed 9 ms'},"                                 \
	"'after':{'samples':2,'failures':0,'p50_ms':1,'verdict':'not judged'},"                    \
	"'series':[{'phase':'before','at_s':0,'took_ms':1,'met':true},"                            \
	"{'phase':'during','at_s':1,'took_ms':20,'met':true},"                                     \
	"{'phase':'during','at_s':3,'took_ms':0,'met':false,'why':'refused'},"                     \
	"{'phase':'after','at_s':0.5,'took_ms':0,'met':false,'judged':false},"                     \
	"{'phase':'after','at_s':1.9,'took_ms':900,'met':true,'judged':false}]}],"                 \
	"'faults':[{'name':'slow','fault':'network.latency','backend':'tcx','min_effect':1,"       \
	"'asked':{'delay':'10ms','for':'6s','at':'0s'},"                                           \
	"'started':'2026-11-25T10:00:02.000000Z','ended':'2026-11-25T10:00:08.000000Z',"           \
	"'counters':{'seen':60,'injected':30,'missed':{'dice':30,'filter':2}},"                    \
	"'victims':[{'process':'<nginx>','path':'log/access.log','injected':29},"                  \
	"{'process':'sh','injected':1}],"                                                          \
	"'got':{'samples':30,'p50_us':10000,'p90_us':10000,'p99_us':11000,'max_us':12000}},"       \
	"{'name':'idle','fault':'network.loss','min_effect':5,'asked':{},"                         \
	"'started':'2026-11-25T10:00:02.000000Z',"                                                 \
	"'counters':{'seen':4,'injected':4,'missed':{}}},"                                         \
	"{'name':'late','fault':'network.loss','min_effect':1,'asked':{}}],"                       \
	"'events':[{'t':'2026-11-25T10:00:00.000000Z','event':'phase','phase':'before'},"          \
	"{'t':'2026-11-25T10:00:02.000000Z','event':'phase','phase':'during'},"                    \
	"{'t':'2026-11-25T10:00:08.000000Z','event':'phase','phase':'after'}]}"

/* With ' for ": and \' for what is to be a quote. */
static json_t *parse(const char *text)
{
	_cleanup_free_ char *json = sq_strdup(text);
	json_error_t error;
	json_t *result;

	for (char *p = json; *p; p++) {
		if (p[0] == '\\' && p[1] == '\'')
			p[1] = '"', p++;
		else if (*p == '\'')
			*p = '"';
	}
	result = json_loads(json, 0, &error);
	if (!result)
		fail_msg("%d:%d: %s", error.line, error.column, error.text);
	return result;
}

static char *render(const char *journal, const char *format)
{
	_cleanup_json_ json_t *json = parse(journal);
	struct sq_buffer text = { 0 };

	for (size_t i = 0; i < sq_report_formats_n; i++)
		if (!strcmp(sq_report_formats[i].name, format))
			(json_object_get(json, "gameday")
				 ? sq_report_formats[i].render_day
				 : sq_report_formats[i].render)(json, false, &text);
	return sq_buffer_take(&text);
}

/* A file that somebody gives to `report` may hold anything. */
static void test_every_format_takes_a_journal_without_anything(void **state)
{
	static const char *const journals[] = {
		"{}",
		"{'probes':[{}],'faults':[{}],'events':[{}],'notes':[{}],'cleanup':{}}",
		"{'probes':[1],'faults':['x'],'events':[[]],'notes':[null],"
		"'cleanup':{'leftovers':[1,null]},'started':5,'experiment':[]}",
	};

	for (size_t i = 0; i < sq_report_formats_n; i++)
		for (size_t j = 0; j < ARRAY_SIZE(journals); j++) {
			_cleanup_free_ char *text = render(journals[j], sq_report_formats[i].name);

			assert_true(strlen(text) > 0);
		}
}

static void test_text_tells_what_deviated_before_all_else(void **state)
{
	_cleanup_free_ char *text = render(JOURNAL, "text");
	const char *why = strstr(text, "- the cart | answers, during: p95 is 20 ms, allowed 9 ms");

	assert_non_null(why);
	assert_true(why < strstr(text, "timeline"));
	assert_true(strstr(text, "timeline") < strstr(text, "\nfaults\n"));
	assert_true(strstr(text, "\nfaults\n") < strstr(text, "\nsteady state"));
	assert_contains(text, "for OPS-1\nbecause: because <&>\n");
	assert_contains(text, "verdict: deviated, exit 1\n");
	assert_contains(text, "  - n1\n");
}

static void test_text_fits_100_columns(void **state)
{
	_cleanup_free_ char *text = NULL;

	setenv("LC_ALL", "C", 1);
	text = render(JOURNAL, "text");

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > 100)
			fail_msg("%zu columns: %s", strlen(line), line);
}

/* 56 columns for 10 s: the first sample of during was taken in the 3rd second. */
static void test_chart_shows_samples_failures_and_the_fault_where_they_were(void **state)
{
	_cleanup_free_ char *text = NULL;
	const char *row, *bar;

	setenv("LC_ALL", "C", 1);
	text = render(JOURNAL, "text");
	row = strstr(text, "  the cart | answers");
	assert_non_null(row);
	row += 27;
	assert_int_equal(row[0], '_'); /* 1 ms of 20 */
	assert_int_equal(row[16], '#'); /* the slowest, at 3 s */
	assert_int_equal(row[28], 'x'); /* at 5 s */
	assert_int_equal(row[47], 'x'); /* not judged, but before the recovery */
	assert_int_equal(row[55], ' '); /* at the end of the run: tells nothing */
	assert_contains(row, "|max 20 ms\n");
	bar = strstr(text, "  slow   ") + 27;
	assert_int_equal(bar[10], ' ');
	assert_int_equal(bar[11], '=');
	assert_int_equal(bar[43], '=');
	assert_int_equal(bar[44], ' ');
}

static void test_junit_counts_its_cases(void **state)
{
	_cleanup_free_ char *text = render(JOURNAL, "junit");
	size_t cases = 0;

	for (const char *p = text; (p = strstr(p, "<testcase ")); p++)
		cases++;
	assert_int_equal(cases, 8); /* the verdict, 3 phases, 3 faults, the clean-up */
	assert_contains(text,
			"tests=\"8\" failures=\"3\" errors=\"0\" skipped=\"2\" time=\"10.000\"");
	assert_contains(text, "timestamp=\"2026-11-25T10:00:00\"");
	assert_contains(
		text, "classname=\"squall.a-b\" name=\"steady state: the cart | answers, during\" "
		      "time=\"6.000\">\n      <failure type=\"deviated\" message=\"p95 is 20 ms, "
		      "allowed 9 ms\">");
	assert_contains(text, "name=\"fault: slow, effect\" time=\"6.000\"></testcase>");
	assert_contains(text, "hit 4 times, 5 are needed; it saw 4");
	assert_contains(text, "<skipped type=\"not armed\"");
	assert_contains(text, "A &lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot; | title");
	assert_contains(text, "<property name=\"task_id\" value=\"OPS-1\"/>");
}

static void test_junit_makes_an_error_of_what_no_test_is_to_blame_for(void **state)
{
	static const struct {
		const char *verdict, *element;
	} of[] = {
		{ "aborted", "<error type=\"aborted\"" },
		{ "not now", "<error type=\"not now\"" },
		{ "refused", "<error type=\"refused\"" },
		{ "not steady", "<failure type=\"not steady\"" },
		{ "no effect", "<failure type=\"no effect\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		_cleanup_free_ char *journal =
			sq_asprintf("{'verdict':'%s','reason':'so'}", of[i].verdict);
		_cleanup_free_ char *text = render(journal, "junit");

		assert_contains(text, of[i].element);
	}
}

static void test_markdown_is_no_markup_of_the_experiments(void **state)
{
	_cleanup_free_ char *text = render(JOURNAL, "markdown");

	assert_contains(text, "### A &lt;b>bold&lt;/b> & \"quoted\" \\| title\n");
	assert_contains(text, "❌ **deviated**: a, during: b\n");
	assert_contains(
		text,
		"| the cart \\| answers | during | 6 | 1 | 10 ms | 20 ms | 20 ms | ❌ not met |");
	assert_contains(
		text,
		"| slow | network.latency | delay 10ms; for 6s; at 0s | 30 of 60 seen (50 %) |");
	assert_contains(text, "for OPS-1, because: because &lt;&>");
}

static void test_html_tells_whom_a_fault_hit_most(void **state)
{
	_cleanup_free_ char *text = render(JOURNAL, "html");

	assert_contains(text, "<td>&lt;nginx&gt;</td><td>log/access.log</td><td class=\"n\">29");
	assert_contains(text, "<td>sh</td><td></td><td class=\"n\">1</td>");
	assert_contains(
		text, "let pass: 2 not what the fault names, 30 spared by the dice or by skip</p>");
}

static void test_what_compare_says_is_in_each_report_for_people(void **state)
{
	static const char *const formats[] = { "text", "markdown", "html" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_free_ char *text = render(
			"{'probes':[{'name':'cart','compare':{'metric':'latency','with':'before',"
			"'verdict':'worse','shift':12.5,'low':10,'high':15,'confidence':0.98,"
			"'median_other':20,'effect':0.9,'n':40,'n_other':30}}]}",
			formats[i]);

		assert_contains(text, "latency compared with before: worse, +12.5 ms");
		assert_contains(text, "40 and 30 samples");
	}
}

static void test_a_shift_that_does_not_count_says_why(void **state)
{
	static const char compared[] =
		"{'probes':[{'name':'cart','compare':{'metric':'latency','with':'before',"
		"'verdict':'not worse','shift':46,'low':0.5,'high':103,'confidence':0.98,"
		"'median_other':4,'effect':0.7,'n':40,'n_other':30,'tolerance':0.25,"
		"'min_effect':%s}}]}";

	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *journal = sq_asprintf(compared, i ? "20" : "0");
		_cleanup_free_ char *text = render(journal, "markdown");

		assert_contains(text,
				i ? "; less than 2000 % does not count)"
				  : "; to be sure, all of it would have to be above +11.5 ms)");
	}
}

/* The verdict has one reason; what proved nothing beside it is told above all else, too. */
static void test_a_fault_without_effect_is_told_at_the_top(void **state)
{
	static const char *const formats[] = { "text", "markdown", "html" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_free_ char *text = render(JOURNAL, formats[i]);
		const char *told = strstr(text, "hit 4 times, 5 are needed; it saw 4");

		assert_non_null(told);
		assert_true(told < strcasestr(text, "steady state"));
	}
}

static void test_paths_let_pass_what_is_not_on_them(void **state)
{
	_cleanup_free_ char *text =
		render("{'faults':[{'name':'f','started':'x','asked':{'paths':'/log/**'},"
		       "'counters':{'seen':5,'injected':2,'missed':{'filter':3}}}]}",
		       "text");

	assert_contains(text, "let pass: 3 not on the paths\n");
}

static void test_a_day_is_a_suite_an_experiment(void **state)
{
	static const char *const days[] = {
		"{'gameday':'day-1'}",
		"{'gameday':'day-1','title':'A <day>','file':'/x/day.yaml','verdict':'aborted',"
		"'reason':'stopped','started':'2026-11-25T10:00:00.000000Z','experiments':["
		"{'title':'a','file':'x/slow.yaml','answer':'continue','verdict':'passed','run':'r',"
		"'times':{'detected_s':2.5},'journal':" JOURNAL "},"
		"{'title':'b','file':'x/slow.yaml','answer':'skip'},"
		"{'title':'c','file':'c.yaml','answer':'continue','verdict':'not now','reason':'latched'},"
		"{'title':'d','file':'d.yaml'}]}",
	};
	_cleanup_free_ char *none = render(days[0], "junit"), *text = render(days[1], "junit");

	assert_contains(none, "<testsuites name=\"squall\" tests=\"1\"");
	/* the day, the run's eight, one each for the others */
	assert_contains(text,
			"<testsuites name=\"squall\" tests=\"12\" failures=\"3\" errors=\"2\"");
	assert_contains(text, "classname=\"squall.day.1-slow\" name=\"fault: slow, effect\"");
	assert_contains(text, "classname=\"squall.day.2-slow\" name=\"verdict\"");
	assert_contains(text, "<property name=\"detected_s\" value=\"2.500\"/>");
	assert_contains(text, "<skipped type=\"skipped\" message=\"skipped\"");
	assert_contains(text, "<error type=\"not now\" message=\"latched\"");
	assert_contains(text, "<skipped type=\"not run\" message=\"not run\"");
}

static void test_prometheus_has_units_and_escapes(void **state)
{
	_cleanup_free_ char *text = render(JOURNAL, "prometheus");

	assert_contains(
		text,
		"squall_run_exit_code{experiment=\"A <b>bold</b> & \\\"quoted\\\" | title\"} 1\n");
	assert_contains(text, ",name=\"slow\",fault=\"network.latency\",quantile=\"0.5\"} 0.01\n");
	assert_contains(text,
			",probe=\"the cart | answers\",phase=\"during\",quantile=\"0.95\"} 0.02\n");
	assert_contains(text, ",phase=\"during\"} 0\n");
	/* a phase that was not judged is neither met nor not */
	assert_null(strstr(strstr(text, "TYPE squall_probe_met"), "phase=\"after\"} 0"));
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void test_xml_has_only_what_xml_can_hold(void **state)
{
	_cleanup_buffer_ struct sq_buffer out = { 0 };

	sq_report_xml(&out, "a\x01\x1b[31m\x7f\xef\xbf\xbf"
			    "b\tc\nä");
	assert_string_equal(sq_buffer_text(&out), "a??[31m\x7f?b\tc\nä");
}

static void test_times_are_read_as_they_are_written(void **state)
{
	char text[SQ_RFC3339_SIZE];
	uint64_t ns = 1795642792337040000ull;

	assert_int_equal(sq_rfc3339_parse(sq_rfc3339(ns, text)), ns);
	assert_int_equal(sq_rfc3339_parse(""), 0);
	assert_int_equal(sq_rfc3339_parse("yesterday"), 0);
	assert_int_equal(sq_rfc3339_parse("2026-11-25T10:00:00.5Z") % SQ_S, SQ_S / 2);
	assert_int_equal(sq_rfc3339_parse("2026-11-25T10:00:00+01:00"), 0);
}

static void test_two_runs_are_compared_by_name(void **state)
{
	_cleanup_json_ json_t *a = parse(JOURNAL), *b = parse(JOURNAL), *comparison = NULL;
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	json_t *during = json_object_get(json_array_get(json_object_get(b, "probes"), 0), "during");

	json_object_set_new(during, "p50_ms", json_real(15));
	json_array_remove(json_object_get(b, "faults"), 2);
	comparison = sq_report_versus(a, b);
	assert_true(json_is_true(json_object_get(comparison, "same_experiment")));
	assert_int_equal(json_array_size(json_object_get(comparison, "probes")), 3);
	assert_int_equal(json_array_size(json_object_get(comparison, "faults")), 3);
	sq_report_comparison(comparison, &text);
	assert_contains(sq_buffer_text(&text), "10 ms        15 ms   +50 %\n");
	assert_contains(sq_buffer_text(&text), "the same experiment; the same seed\n");
}

UNIT(UNIT_TEST(test_every_format_takes_a_journal_without_anything),
     UNIT_TEST(test_text_tells_what_deviated_before_all_else),
     UNIT_TEST(test_text_fits_100_columns),
     UNIT_TEST(test_chart_shows_samples_failures_and_the_fault_where_they_were),
     UNIT_TEST(test_junit_counts_its_cases),
     UNIT_TEST(test_junit_makes_an_error_of_what_no_test_is_to_blame_for),
     UNIT_TEST(test_markdown_is_no_markup_of_the_experiments),
     UNIT_TEST(test_html_tells_whom_a_fault_hit_most),
     UNIT_TEST(test_what_compare_says_is_in_each_report_for_people),
     UNIT_TEST(test_a_shift_that_does_not_count_says_why),
     UNIT_TEST(test_a_fault_without_effect_is_told_at_the_top),
     UNIT_TEST(test_paths_let_pass_what_is_not_on_them),
     UNIT_TEST(test_a_day_is_a_suite_an_experiment),
     UNIT_TEST(test_prometheus_has_units_and_escapes),
     UNIT_TEST(test_xml_has_only_what_xml_can_hold),
     UNIT_TEST(test_times_are_read_as_they_are_written),
     UNIT_TEST(test_two_runs_are_compared_by_name))
