#include "store/embedded/statement.h"

#include <gtest/gtest.h>

namespace footfall::store::embedded {
namespace {

TEST(StatementTest, AFormattedInsertIsCutBeforeItsData) {
    struct Case {
        const char* text;
        const char* statement;
        const char* format;
        const char* data;
    };
    const Case cases[] = {
        {"INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", ""},
        {"INSERT INTO t (a, b) FORMAT Native\nDATA", "INSERT INTO t (a, b) ", "Native", "DATA"},
        {"insert into a.b (`format`) format JSONEachRow {\"a\":1}", "insert into a.b (`format`) ", "JSONEachRow",
         "{\"a\":1}"},
        {"INSERT INTO t FORMAT CSV \r\n1,2", "INSERT INTO t ", "CSV", "1,2"},
        {"INSERT INTO t FORMAT CSV\n\n1", "INSERT INTO t ", "CSV", "\n1"},
        {"INSERT INTO TABLE format FORMAT CSV\n1", "INSERT INTO TABLE format ", "CSV", "1"},
        {"INSERT INTO x.format FORMAT CSV\n1", "INSERT INTO x.format ", "CSV", "1"},
        {"INSERT INTO t (format, values) SETTINGS a = 'FORMAT x' FORMAT TSV\n1",
         "INSERT INTO t (format, values) SETTINGS a = 'FORMAT x' ", "TSV", "1"},
        {"-- FORMAT CSV\nINSERT /* VALUES */ INTO t /* FORMAT TSV */ FORMAT Native\n1",
         "-- FORMAT CSV\nINSERT /* VALUES */ INTO t /* FORMAT TSV */ ", "Native", "1"},
        {"INSERT INTO FUNCTION file('it\\'s FORMAT CSV') FORMAT Native\n1",
         "INSERT INTO FUNCTION file('it\\'s FORMAT CSV') ", "Native", "1"},
    };
    for (const Case& one : cases) {
        const auto insert = split_insert(one.text);
        ASSERT_TRUE(insert) << one.text;
        EXPECT_EQ(insert->statement, one.statement);
        EXPECT_EQ(insert->format, one.format);
        EXPECT_EQ(insert->data, one.data);
    }
}

TEST(StatementTest, EverythingElseIsLeftWhole) {
    for (const char* text : {"", "INSERT", "INSERT INTO t", "SELECT 1 FORMAT Native", "INSERT INTO t VALUES (1)",
                             "INSERT INTO t FORMAT Values (1)", "INSERT INTO t SELECT 1 FORMAT Native",
                             "INSERT INTO t WITH 1 AS x SELECT x", "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
                             "EXPLAIN INSERT INTO t FORMAT CSV", "INSERT INTO t (a FORMAT CSV",
                             "INSERT INTO 'unclosed FORMAT CSV", "INSERT INTO t /* FORMAT CSV"})
        EXPECT_FALSE(split_insert(text)) << text;
}

TEST(StatementTest, TheFirstWordIsFoundBehindCommentsAndBrackets) {
    EXPECT_EQ(first_word("select 1"), "SELECT");
    EXPECT_EQ(first_word("  /* DROP */ -- x\n ((Select 1))"), "SELECT");
    EXPECT_EQ(first_word("'text'"), "");
    EXPECT_EQ(first_word(" -- nothing"), "");
}

TEST(StatementTest, TheFormatClauseIsTheOneOutsideOfBrackets) {
    EXPECT_EQ(format_clause("SELECT 1 FORMAT JSON"), "JSON");
    EXPECT_EQ(format_clause("SELECT 1 format CSV SETTINGS a = 1"), "CSV");
    EXPECT_EQ(format_clause("SELECT * FROM (SELECT 1 FORMAT CSV)"), "");
    EXPECT_EQ(format_clause("SELECT 'FORMAT CSV' -- FORMAT TSV"), "");
    EXPECT_EQ(format_clause("SELECT format"), "");
}

}  // namespace
}  // namespace footfall::store::embedded
