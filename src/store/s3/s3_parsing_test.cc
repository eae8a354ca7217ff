#include <gtest/gtest.h>

#include "store/s3/answer.h"
#include "store/s3/credentials.h"

namespace footfall::store {
namespace {

TEST(S3AnswerTest, APageHasKeysSizesAndWhereTheNextOneBegins) {
    const auto page = parse_s3_page(
        "<?xml version='1.0'?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
        "<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b&#x2F;&#61;</NextContinuationToken>"
        "<Contents><Key>events/a=1</Key><Size>7</Size></Contents>"
        "<Contents><Size>0</Size><Key>x&lt;y</Key></Contents></ListBucketResult>");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->objects, (std::vector<ObjectInfo>{{"events/a=1", 7}, {"x<y", 0}}));
    EXPECT_EQ(page->next_token, "a&b/=");
}

TEST(S3AnswerTest, WhatIsNoWholePageIsNoEmptyOne) {
    for (const char* text : {"", "<html>", "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>",
                             "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
                             "<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
                             "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
        const auto page = parse_s3_page(text);
        ASSERT_FALSE(page) << text;
        EXPECT_EQ(page.error().code, Code::kCorrupt) << text;
    }
}

TEST(S3AnswerTest, AFaultHasItsCode) {
    EXPECT_EQ(parse_s3_fault("<Error><Code>NoSuchKey</Code><Message>none &amp; gone</Message></Error>").message,
              "none & gone");
    EXPECT_EQ(parse_s3_fault("not found").code, "");
}

TEST(S3CredentialsTest, AreThoseOfTheDefaultSectionOfAnAwsFile) {
    const auto keys = parse_s3_credentials(
        "[other]\naws_access_key_id = X\n# aws\n[default]\r\naws_access_key_id = A\n aws_secret_access_key=b/c+d=\n"
        "aws_session_token = t\n[later]\naws_secret_access_key = Y\n",
        "keys");
    ASSERT_TRUE(keys) << keys.error().message;
    EXPECT_EQ(*keys, (S3Credentials{"A", "b/c+d=", "t"}));
}

TEST(S3CredentialsTest, S17WhatIsMissingIsNamedAndNoKeyIsInTheMessage) {
    const auto none = load_s3_credentials("", {});
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message.find("AWS_SECRET_ACCESS_KEY"), std::string::npos);
    const auto half = parse_s3_credentials("[default]\naws_secret_access_key = very-secret\n", "/etc/keys");
    ASSERT_FALSE(half);
    EXPECT_NE(half.error().message.find("/etc/keys"), std::string::npos);
    EXPECT_EQ(half.error().message.find("very-secret"), std::string::npos);
    EXPECT_FALSE(load_s3_credentials("", {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b\nHost: c"}}));
    EXPECT_TRUE(load_s3_credentials("", {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}}));
}

}  // namespace
}  // namespace footfall::store
