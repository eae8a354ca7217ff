#include "app/https.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace footfall::app {
namespace {

Settings with_tls(const std::string& listen, const std::string& certificate, const std::string& key) {
    return load_settings("", {},
                         {{"http.tls_listen", listen}, {"http.tls_certificate", certificate}, {"http.tls_key", key}})
        .value();
}

TEST(HttpsTest, SettingsThatAreNotWholeAreErrorsThatNameTheMissingOne) {
    const std::string text = testing::TempDir() + "https_test.pem";
    ASSERT_TRUE(write_file_atomically(text, "no PEM\n"));
    const struct {
        const char* listen;
        std::string certificate;
        std::string key;
        std::string field;
    } cases[] = {{"127.0.0.1:0", "", text, "http.tls_certificate"},
                 {"127.0.0.1:0", text, "", "http.tls_key"},
                 {"127.0.0.1:0", text, text, "http.tls_certificate"},
                 {"127.0.0.1", text, text, ""},
                 {"unix:x.sock", text, text, "http.tls_listen"},
                 {"", text, "", "http.tls_listen"},
                 {"", "", text, "http.tls_listen"}};
    for (const auto& c : cases) {
        const Status judged = judge_tls(with_tls(c.listen, c.certificate, c.key));
        ASSERT_FALSE(judged) << c.listen << c.certificate << c.key;
        EXPECT_EQ(judged.error().code, Code::kInvalidArgument);
        EXPECT_EQ(judged.error().field, c.field) << judged.error().message;
    }
    EXPECT_TRUE(judge_tls(with_tls("", "", "")));
}

TEST(HttpsTest, ADoctorSaysNothingWithoutTlsAndWhatIsWrongWithIt) {
    std::vector<Finding> findings;
    check_tls(with_tls("", "", ""), 0, findings);
    EXPECT_TRUE(findings.empty());
    check_tls(with_tls("127.0.0.1:0", "/nowhere.crt", "/nowhere.key"), 0, findings);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].part, "tls");
    EXPECT_FALSE(findings[0].ok);
    EXPECT_NE(findings[0].what.find("/nowhere.crt"), std::string::npos) << findings[0].what;
}

}  // namespace
}  // namespace footfall::app
