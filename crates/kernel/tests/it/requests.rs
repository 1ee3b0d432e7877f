//! What is asked of the real kernel besides turns.

use kernel::{Configuration, KernelError, Script, machine::Misuse};

use crate::guest::Guest;

#[tokio::test]
async fn a_kernel_is_configured_before_its_first_turn() {
    let mut guest = Guest::python().await;
    let configuration = Configuration {
        env: [("GREETING".to_owned(), "hej".to_owned())].into(),
        directory: "/".to_owned(),
        argv: Some(vec!["x".to_owned()]),
        output_bytes: None,
    };
    guest.within(async |kernel| kernel.configure(&configuration).await).await.unwrap();
    let turn =
        guest.run("import os; e = os.environ; (e['GREETING'], 'PATH' in e, os.getcwd())").await;
    assert_eq!(turn.text(), "('hej', False, '/')");
    let error = guest.within(async |kernel| kernel.configure(&configuration).await).await;
    assert!(matches!(error, Err(KernelError::Misuse(Misuse::Configured))), "{error:?}");
    guest.assert_alive().await;
}

#[tokio::test]
async fn completions_know_what_turns_made() {
    let mut guest = Guest::python().await;
    guest.run("temperature = 3").await;
    let completion = guest.within(async |kernel| kernel.complete("1 + tempe", 9).await).await;
    let completion = completion.unwrap();
    assert!(completion.matches.iter().any(|name| name == "temperature"), "{completion:?}");
    assert_eq!((completion.start, completion.end), (4, 9));
    let nothing = guest.within(async |kernel| kernel.complete("", 1000).await).await.unwrap();
    assert_eq!(nothing.end, 0);
    guest.assert_alive().await;
}

#[tokio::test]
async fn inspections_describe_what_there_is() {
    let mut guest = Guest::python().await;
    guest.run("def area(radius):\n  'The area of a circle.'\n  return 3 * radius ** 2").await;
    let area = guest.within(async |kernel| kernel.inspect("area", 2, false).await).await.unwrap();
    assert!(area.found && area.data["text/plain"].to_string().contains("circle"), "{area:?}");
    let none = guest.within(async |kernel| kernel.inspect("nothing_such", 2, true).await).await;
    assert!(!none.unwrap().found);
    guest.assert_alive().await;
}

#[tokio::test]
async fn what_is_shown_while_it_looks_goes_nowhere() {
    let mut guest = Guest::python().await;
    guest
        .run("class Loud:\n  def __dir__(self):\n    display('loud')\n    return ['x']\nloud = Loud()")
        .await;
    guest.within(async |kernel| kernel.complete("loud.", 5).await).await.unwrap();
    guest.within(async |kernel| kernel.inspect("loud", 4, true).await).await.unwrap();
    guest.assert_alive().await;
}

#[tokio::test]
async fn a_kernel_ends_when_it_is_told() {
    let mut guest = Guest::python().await;
    guest.within(async |kernel| kernel.shutdown().await).await.unwrap();
    assert_eq!(guest.status().code(), Some(0));
    let error = guest.try_run("1").await.unwrap_err();
    assert!(matches!(error, KernelError::Misuse(_)), "{error:?}");
}

#[tokio::test]
async fn a_script_is_a_kernels_last_deed() {
    let mut guest = Guest::python().await;
    let script = Script {
        path: None,
        code: Some("import sys; sys.exit(len(sys.argv))".to_owned()),
        argv: ["one", "two"].map(str::to_owned).to_vec(),
        name: "a.py".to_owned(),
    };
    guest.within(async |kernel| kernel.script(&script).await).await.unwrap();
    assert_eq!(guest.status().code(), Some(3));
}

#[tokio::test]
async fn too_long_a_request_costs_nothing() {
    let mut guest = Guest::python().await;
    let error = guest.try_run(&" ".repeat(kernel::CODE_BYTES_MAX + 1)).await.unwrap_err();
    assert!(error.leaves_kernel_usable(), "{error:?}");
    guest.assert_alive().await;
    let length = kernel::CODE_BYTES_MAX - 100;
    let long = format!("len('{}')", "x".repeat(length));
    assert_eq!(guest.run(&long).await.text(), length.to_string());
}
