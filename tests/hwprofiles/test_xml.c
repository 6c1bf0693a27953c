#include "hwprofiles/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

/* Events as "+name" and "-name", in an exactly sized block for ASan. */
static haq_status events(const char *xml, char *out, size_t size,
                         struct haq_diag *d)
{
    size_t len = strlen(xml), used = 0;
    char *copy = malloc(len + 1);
    struct haq_xml x;
    enum haq_xml_event e = HAQ_XML_OPEN;
    haq_status s = HAQ_OK;

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, xml, len + 1);
    haq_xml_init(&x, "f.xml", copy, len);
    out[0] = 0;
    for (;;) {
        s = haq_xml_next(&x, &e, d);
        if (s != HAQ_OK || e == HAQ_XML_END)
            break;
        used += (size_t)snprintf(out + used, size - used, "%c%s",
                                 e == HAQ_XML_OPEN ? '+' : '-', x.name);
        for (size_t i = 0; e == HAQ_XML_OPEN && i < x.n_attrs; i++)
            used += (size_t)snprintf(out + used, size - used, " %s=%s",
                                     x.attr[i].name, x.attr[i].value);
    }
    free(copy);
    return s;
}

static void elements_come_in_order(void)
{
    char got[300];
    CU_ASSERT_EQUAL(
        events("<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"x.dtd\">\n"
               "<a x=\"1\"  y='two' >text<!-- <no> --><b/><c z=\"\">more</c>"
               "</a>\n",
               got, sizeof got, NULL),
        HAQ_OK);
    CU_ASSERT_STRING_EQUAL(got, "+a x=1 y=two+b-b+c z=-c-a");
}

static void named_entities_are_replaced(void)
{
    char got[100];
    CU_ASSERT_EQUAL(
        events("<a v=\"&lt;&amp;lt;&quot;\"/>", got, sizeof got, NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(got, "+a v=<&lt;\"-a");
}

static void what_is_no_xml_is_refused_with_its_line(void)
{
    static const struct {
        const char *xml, *words;
    } cases[] = {
        {"<a>\n<b>\n", "f.xml, line 3: the file ends within an element"},
        {"<a>\n</b>", "line 2: a closing tag that nothing opened"},
        {"</a>", "nothing opened"},
        {"<a", "a tag does not end"},
        {"<a ", "a tag does not end"},
        {"<a x", "without a quoted value"},
        {"<a x=", "without a quoted value"},
        {"<a x=1>", "without a quoted value"},
        {"<a x=\"1", "value does not end"},
        {"<a x=\"1\" x=\"2\"/>", "twice"},
        {"<a x=\"&#65;\"/>", "unknown entity"},
        {"<a x=\"&nbsp;\"/>", "unknown entity"},
        {"<a x=\"<\"/>", "'<'"},
        {"<", "'<' without a name"},
        {"< a/>", "'<' without a name"},
        {"<a/", "a tag does not end"},
        {"<a></a", "a closing tag does not end"},
        {"<!-- ", "a comment does not end"},
        {"<?xml", "'<?' does not end"},
        {"<!DOCTYPE a [<!ENTITY x \"y\">]><a/>", "definition"},
        {"<![CDATA[x]]>", "'<' without a name"},
    };
    char got[200];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct haq_diag d = {HAQ_OK, ""};
        CU_ASSERT_EQUAL(events(cases[i].xml, got, sizeof got, &d), HAQ_FORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, cases[i].words));
        if (!strstr(d.text, cases[i].words))
            printf("\n  %s: %s\n", cases[i].xml, d.text);
    }
}

static void depth_and_attributes_are_bounded(void)
{
    enum { MANY = 200 };
    char deep[MANY * 3 + 1] = "", wide[MANY * 8 + 8] = "<a", got[4000];
    struct haq_diag d;

    for (size_t i = 0; i < MANY; i++)
        strcat(deep, "<a>");
    CU_ASSERT_EQUAL(events(deep, got, sizeof got, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "too deeply"));
    for (size_t i = 0; i < MANY; i++)
        sprintf(wide + strlen(wide), " a%zu=\"\"", i);
    strcat(wide, "/>");
    CU_ASSERT_EQUAL(events(wide, got, sizeof got, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "too many attributes"));
}

static void a_nul_byte_ends_it_badly(void)
{
    char text[] = "<a>\0</a>";
    struct haq_xml x;
    enum haq_xml_event e;
    struct haq_diag d;

    haq_xml_init(&x, "f.xml", text, sizeof text - 1);
    CU_ASSERT_EQUAL(haq_xml_next(&x, &e, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_xml_next(&x, &e, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "NUL"));
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(elements_come_in_order),
                           HAQ_TEST(named_entities_are_replaced),
                           HAQ_TEST(what_is_no_xml_is_refused_with_its_line),
                           HAQ_TEST(depth_and_attributes_are_bounded),
                           HAQ_TEST(a_nul_byte_ends_it_badly),
                           CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/xml", tests);
}
